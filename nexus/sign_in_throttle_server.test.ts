import assert from "node:assert/strict";
import { after, test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { AdminRequests } from "../helm/keycloak/admin_requests.ts";
import { keycloakServerSkip } from "../helm/keycloak/server_testing.ts";
import {
  type SharedKeycloak,
  shareKeycloakServer,
} from "../helm/keycloak/shared_server_testing.ts";
import { ada } from "../helm/keycloak/testing.ts";
import { readCode } from "../helm/keycloak/testing_browser.ts";
import type { Answer, TestBrowser } from "./browser_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const skip = keycloakServerSkip();
// Smaller than an installation's, but not so small that a slow machine refills them meanwhile.
const passwordLimits = {
  failures_per_address: 8,
  failures_per_user_and_address: 4,
  failures_per_user: 6,
};
const names = ["ada", "bob", "eve", "kim"];
let server: SharedKeycloak;
let nexus: TestNexus;
if (skip === false) {
  nexus = await startNexus(
    { after },
    {
      isSecure: true,
      passwordLimits,
      async startProvider(publicOrigin, coreUrl) {
        const users = names.map((username) => ({ ...ada, username, email: `${username}@x.test` }));
        server = await shareKeycloakServer({ after }, { publicOrigin, coreUrl, users });
        return server;
      },
    },
  );
}

async function enter(browser: TestBrowser, username: string, password = "ada-secret") {
  return await browser.submit(await browser.open("/login"), { username, password });
}

const from = (address: string) => nexus.openBrowser(address);
const isIn = (page: Answer) => page.url === `${nexus.origin}/`;

test("R33: many guesses from one address are stopped before Keycloak, and the person gets in", {
  skip,
}, async () => {
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await enter(from("127.0.0.66"), "ada", "no")).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
  const refused = await enter(from("127.0.0.66"), "ADA");
  assert.equal(refused.status, 429, "the right one is no better, by whatever name");
  assert.match(refused.body, /too many failed sign-ins\. Please wait/);
  assert.ok(isIn(await enter(from("127.0.0.7"), "ada")));
  assert.ok(isIn(await enter(from("127.0.0.66"), "kim")), "somebody else in the same office");
});

test("R33: a spray from many addresses gets one guess each, and the person gets in", {
  skip,
}, async () => {
  const attackers = Array.from({ length: 9 }, (_, i) => `127.0.1.${i + 1}`);
  for (const address of attackers) {
    assert.equal((await enter(from(address), "bob", "guess")).status, 200, address);
  }
  for (const address of attackers.slice(6)) {
    assert.equal((await enter(from(address), "bob")).status, 429, address);
  }
  assert.ok(isIn(await enter(from("127.0.0.8"), "bob")));
  assert.ok(isIn(await enter(from("127.0.0.8"), "bob")));
});

test("R33: a person's own browser gets in although somebody guesses at the same address", {
  skip,
}, async () => {
  const own = from("127.0.0.9");
  assert.ok(isIn(await enter(own, "eve")));
  const headers = { "sec-fetch-site": "same-origin" };
  await own.request("/logout", { method: "POST", headers });
  for (let i = 0; i < 4; i++) await enter(from("127.0.0.9"), "eve", "guess");
  assert.equal((await enter(from("127.0.0.9"), "eve")).status, 429);
  assert.ok(isIn(await enter(own, "eve@x.test")));
});

test("R33: guesses that get to Keycloak all the same keep nobody out for longer than seconds", {
  skip,
}, async (t) => {
  const admin = new AdminRequests(server.adminPlace);
  t.after(() => admin.close());
  const realm = (await admin.ask("read", "GET", "")).body as Record<string, unknown>;
  const { permanentLockout, quickLoginCheckMilliSeconds, maxFailureWaitSeconds } = realm;
  assert.deepEqual([permanentLockout, quickLoginCheckMilliSeconds], [false, 0]);
  assert.equal(maxFailureWaitSeconds, 2);
  // 100 would take too long here.
  await admin.ask("lower", "PUT", "", { ...realm, failureFactor: 3 });
  const attacker = server.openBrowser();
  let page = await attacker.open(attacker.attempt().url);
  for (let i = 0; i < 6; i++)
    page = await attacker.submit(page, { username: "kim", password: "x" });
  await waitFor(async () => {
    const browser = server.openBrowser();
    const attempt = browser.attempt();
    const login = { username: "kim", password: "ada-secret" };
    const end = await browser.submit(await browser.open(attempt.url), login);
    return end.status === 302 && readCode(end, attempt);
  });
});

test("R5, R26: the log says that a sign-in was throttled, and neither name nor password", {
  skip,
}, () => {
  const lines = nexus.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const throttled = lines.filter((line) => line["message"] === "sign-in throttled");
  assert.ok(throttled.length > 0);
  assert.match(String(throttled[0]?.["address"]), /^127\.0\./);
  assert.doesNotMatch(nexus.logLines.join(""), /guess|ada-secret/);
});
