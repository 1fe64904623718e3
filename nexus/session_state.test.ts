import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestLog } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { createTestClock } from "../core/session_store_testing.ts";
import type { TestBrowser } from "./browser_testing.ts";
import { startNexus } from "./testing.ts";

/** As a page's script asks. */
const script = {
  accept: "*/*",
  "sec-fetch-dest": "empty",
  "sec-fetch-mode": "cors",
  "sec-fetch-site": "same-origin",
};

const ask = (browser: TestBrowser) => browser.request("/api/session", { headers: script });

const isActive = async (browser: TestBrowser) => (await ask(browser)).json()["active"];

test("an open page learns that its session lives, whose it is and for how long", async (t) => {
  const nexus = await startNexus(t, { core: { sessionLifetimeSeconds: 900 } });
  const [ada, adaToo] = [await nexus.signIn(), await nexus.signIn()];
  const grace = await nexus.signIn({ sub: "grace-sub", name: "Grace Hopper" });
  const answer = await ask(ada);
  assert.equal(answer.status, 200);
  assert.equal(answer.header("cache-control"), "no-store");
  const { expires_at, ends_in_seconds, person, ...rest } = answer.json();
  assert.deepEqual(rest, { active: true, name: "Ada Lovelace" });
  assert.ok(Number(ends_in_seconds) > 880 && Number(ends_in_seconds) <= 900);
  const leftMs = Date.parse(String(expires_at)) - Date.now();
  assert.ok(leftMs > 880_000 && leftMs <= 900_000);
  assert.match(String(person), /^[\w-]{16}$/);
  assert.equal((await ask(adaToo)).json()["person"], person, "another session, the same person");
  assert.notEqual((await ask(grace)).json()["person"], person);
});

test("without a session, with a made-up one and after its end the answer is no, and not an error", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const kept = [...browser.cookies];
  assert.equal(await isActive(browser), true);
  await browser.request("/logout", { method: "POST", headers: script });
  const stranger = nexus.openBrowser();
  const liar = nexus.openBrowser();
  liar.plant(kept[0]?.name ?? "", "made-up");
  browser.cookies = kept;
  for (const each of [stranger, liar, browser]) {
    const answer = await ask(each);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json(), { active: false });
    assert.equal(answer.header("cache-control"), "no-store");
  }
});

test("R25: while Core is away there is no answer, neither yes nor no", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await nexus.coreDoor.shut();
  const answer = await ask(browser);
  assert.equal(answer.status, 503);
  assert.equal(answer.json()["active"], undefined);
  await nexus.coreDoor.open();
  assert.equal(await isActive(browser), true);
});

test("R10: an open page that asks again and again does not keep an idle session alive", async (t) => {
  // Core's clock is late, so that what it signs later does not come from the gateway's future.
  const clock = createTestClock(Math.floor(Date.now() / 1000) - 3600);
  const core = { now: clock.now, idleSeconds: 600, sessionLifetimeSeconds: 7200 };
  const nexus = await startNexus(t, { core });
  const browser = await nexus.signIn();
  assert.equal((await browser.request("/template/")).status, 200);
  const lastSeen = async () =>
    (await nexus.core.sessions.list("ada-sub", 1))[0]?.lastSeenAtSeconds ?? 0;
  clock.advance(400);
  const beforeUse = await lastSeen();
  await browser.request("/template/");
  await waitFor(async () => (await lastSeen()) > beforeUse, { what: "the use to be reported" });

  const afterUse = await lastSeen();
  for (const isTrusted of [true, false]) {
    // A gateway that has just started knows no session and has to ask Core.
    if (!isTrusted) await nexus.restart();
    clock.advance(200);
    assert.equal(await isActive(browser), true);
    // Another's use is reported after whatever was seen before it, in the same line or a later one.
    const other = await nexus.signIn({ sub: "grace-sub" });
    const reportedAt = async () =>
      (await nexus.core.sessions.list("grace-sub", 1))[0]?.lastSeenAtSeconds ?? 0;
    const signedInAt = await reportedAt();
    clock.advance(60);
    await other.request("/template/");
    await waitFor(async () => (await reportedAt()) > signedInAt, { what: "a later report" });
    assert.equal(await lastSeen(), afterUse, isTrusted ? "trusted" : "asked of Core");
  }
  clock.advance(80);
  // Core's clean-up, which runs by itself in a real one.
  await nexus.core.endSessions({ idle: true }, { reason: "idle", log: createTestLog() });
  assert.equal(await isActive(browser), false);
});

test("what open pages ask is no line in the log at the usual level", async (t) => {
  const nexus = await startNexus(t);
  await ask(nexus.openBrowser());
  await nexus.openBrowser().request("/robots.txt");
  const lines = () => nexus.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
  await waitFor(() => lines().some(({ path }) => path === "/robots.txt"), { what: "a line" });
  const levels = lines().filter(({ path }) => path === "/api/session");
  assert.deepEqual(
    levels.map(({ level }) => level),
    ["debug"],
  );
});
