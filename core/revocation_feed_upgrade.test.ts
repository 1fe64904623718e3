import assert from "node:assert/strict";
import { test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { formatBasic, startCore } from "./testing.ts";

const upgrade = ["Connection: Upgrade", "Upgrade: hivematrix-revocations"];

test("R21: the feed opens for Nexus alone", async (t) => {
  const core = await startCore(t);
  const ask = (lines: readonly string[], path = "/api/revocations/feed", method = "GET") =>
    sendRaw(new URL(core.url), [`${method} ${path} HTTP/1.1`, "Host: core", ...lines]);
  const nexus = `Authorization: ${core.basicOf("nexus")}`;
  const cases: readonly (readonly [status: number, answer: Promise<string>])[] = [
    [401, ask(upgrade)],
    [401, ask([...upgrade, `Authorization: ${formatBasic("nexus", "wrong")}`])],
    [401, ask([...upgrade, `Authorization: Bearer ${await core.signIn()}`])],
    [403, ask([...upgrade, `Authorization: ${core.basicOf("codex")}`])],
    [404, ask([...upgrade, nexus], "/api/revocations")],
    [404, ask([...upgrade, nexus], "/api/revocations/feed", "POST")],
    [426, ask(["Connection: Upgrade", "Upgrade: websocket", nexus])],
  ];
  for (const [status, answer] of cases) {
    assert.match(await answer, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(await answer, /application\/problem\+json/);
  }
  assert.match((await cases[0]?.[1]) ?? "", /www-authenticate: Basic/i);
  assert.equal(core.feeds.count, 0);
});

test("asked without an upgrade, the feed says what it speaks", async (t) => {
  const core = await startCore(t);
  const response = await core.get("/api/revocations/feed");
  assert.equal(response.status, 426);
  assert.equal(response.headers.get("upgrade"), "hivematrix-revocations");
});
