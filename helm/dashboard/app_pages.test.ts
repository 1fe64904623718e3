import assert from "node:assert/strict";
import test from "node:test";
import { makeRepository } from "../install/testing.ts";
import { startSessions } from "./sessions_testing.ts";

test("an operation that is begun from a page is followed there, to the reason why it failed", async (t) => {
  const { ask } = await startSessions(t);
  const { folder, name } = await makeRepository(t);
  const page = await read(await ask("/apps"));
  assert.match(page, /action="\/helm\/apps\/install"/);

  const body = new URLSearchParams({ target: folder, ref: "", database: "none" });
  const begun = await ask("/apps/install", { method: "POST", body });
  const [, id = ""] = /^\/helm\/operations\/([0-9a-f]{12})$/.exec(
    begun.headers.get("location") ?? "",
  ) ?? [begun.status];
  // The stream ends with the operation. There is no master configuration here, so it has to fail.
  const events = await (await ask(`/api/operations/${id}/events?from=0`)).text();
  assert.match(events, /event: end\ndata: \{"id":"[0-9a-f]{12}","kind":"install"/);
  const shown = await read(await ask(`/operations/${id}`));
  assert.match(shown, new RegExp(`Install ${name}`));
  assert.match(shown, /role="alert"><p>[^<]*there is none yet, run "helm init"/);
  assert.match(await (await ask("/apps")).text(), /badge--danger">failed/);
  const json = (await (await ask(`/api/operations/${id}`)).json()) as { state: string };
  assert.equal(json.state, "failed");
});

test("what cannot be installed at all is said on the page that asked for it", async (t) => {
  const { ask } = await startSessions(t);
  for (const [target, reason] of [
    ["ext::sh", /git would run a program for it/],
    [
      "http://git.example.org/x",
      /whoever is on the way could change what is run here; take https or ssh/,
    ],
    ["unheard", /no app of that name/],
    ["core", /part of this checkout/],
  ] as const) {
    const body = new URLSearchParams({ target });
    const { headers } = await ask("/apps/install", { method: "POST", body });
    const location = headers.get("location") ?? "";
    assert.match(location, /^\/helm\/apps\?notice=/);
    const page = await ask(location.replace("/helm", ""));
    assert.match(await page.text(), reason);
  }
});

test("R9, R23: whose session has ended begins nothing, though the token has not expired", async (t) => {
  const { ask, core, token } = await startSessions(t);
  const { folder } = await makeRepository(t);
  const begin = (path: string, body: string, type: string) =>
    ask(path, { method: "POST", body, headers: { "content-type": type } });
  await core.post("/api/token/revoke", { token });
  const form = new URLSearchParams({ target: folder }).toString();
  const page = await begin("/apps/install", form, "application/x-www-form-urlencoded");
  const json = JSON.stringify({ kind: "install", target: folder });
  const api = await begin("/api/operations", json, "application/json");
  assert.deepEqual([page.status, api.status], [401, 401]);
  assert.doesNotMatch(await read(await ask("/apps")), /Install app_/);
});

/** A page as a browser reads it. */
async function read(response: Response): Promise<string> {
  return (await response.text()).replaceAll("&#x2F;", "/").replaceAll("&quot;", '"');
}
