import assert from "node:assert/strict";
import { test } from "node:test";
import { startNexus } from "./testing.ts";

/** The ids in the page's "End" buttons: of all sessions but the page's own. */
function readIds(page: string): string[] {
  return [...page.matchAll(/action="&#x2F;sessions\?end=([0-9a-f]{64})"|end=([0-9a-f]{64})/g)].map(
    ([, a, b]) => a ?? b ?? "",
  );
}

/** What a browser without fetch metadata sends with a form of this page. */
function byForm(origin: string) {
  return { origin, "sec-fetch-site": undefined };
}

test("R11: people see where they are signed in, and end one session or all others", async (t) => {
  const nexus = await startNexus(t);
  const laptop = await nexus.signIn();
  const phone = await nexus.signIn();
  const tablet = await nexus.signIn();
  const page = await laptop.open("/sessions");
  assert.equal(page.status, 200);
  assert.match(page.body, /Your sessions/);
  assert.match(page.body, /this one/);
  assert.match(page.body, /127\.0\.0\.1/);
  const ids = readIds(page.body);
  assert.equal(new Set(ids).size, 2);
  const items = page.body.split('<li class="item-list__item">').slice(1);
  assert.equal(items.length, 3);
  assert.match(items[0] ?? "", /this one[\s\S]*action="\/logout"/, "one's own comes first");

  const [other] = ids;
  const options = { method: "POST", headers: byForm(nexus.origin) } as const;
  const ended = await laptop.request(`/sessions?end=${other}`, options);
  assert.equal(ended.status, 303);
  assert.equal(ended.header("location"), "/sessions?ended=1");
  const left = async () =>
    await Promise.all(
      [laptop, phone, tablet].map(async (each) => (await each.request("/template/")).status),
    );
  assert.deepEqual((await left()).sort(), [200, 200, 302]);

  await laptop.request("/sessions?end=others", options);
  assert.deepEqual(await left(), [200, 302, 302]);
  assert.match((await laptop.open("/sessions?ended=1")).body, /One session was ended/);
});

test("nobody ends a session of somebody else, nor by a link from another site", async (t) => {
  const nexus = await startNexus(t);
  const ada = await nexus.signIn();
  const adaElsewhere = await nexus.signIn();
  const grace = await nexus.signIn({ sub: "grace-sub", preferred_username: "grace" });
  const [id] = readIds((await adaElsewhere.open("/sessions")).body);
  const options = { method: "POST", headers: byForm(nexus.origin) } as const;
  const foreign = await grace.request(`/sessions?end=${id}`, options);
  assert.equal(foreign.header("location"), "/sessions?ended=0");
  assert.equal((await ada.request("/template/")).status, 200);

  const forged = { method: "POST", headers: byForm("https://evil.example") } as const;
  assert.equal((await ada.request(`/sessions?end=${id}`, forged)).status, 403);
  assert.equal((await ada.request("/sessions?end=nonsense", options)).status, 400);
  assert.equal((await ada.request("/template/")).status, 200);
});

test("the page leads to the provider's page for a new password, and back", async (t) => {
  const nexus = await startNexus(t);
  const ada = await nexus.signIn();
  const { body } = await ada.open("/sessions");
  const link = /<a class="btn" href="([^"]*)"><span class="btn__label">Change password</.exec(body);
  const address = (link?.[1] ?? "").replaceAll("&amp;", "&");
  const options = { headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate" } };
  const { status, header } = await ada.request(address, options);
  assert.equal(status, 302);
  const parameters = new URL(header("location") ?? "").searchParams;
  assert.equal(parameters.get("kc_action"), "UPDATE_PASSWORD");
  const plain = await ada.request("/login?next=/sessions", options);
  assert.equal(new URL(plain.header("location") ?? "").searchParams.get("kc_action"), null);
});
