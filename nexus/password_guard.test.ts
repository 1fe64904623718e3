import assert from "node:assert/strict";
import { test } from "node:test";
import { serve } from "@hivematrix/lib/serve";
import type { TestScope } from "@hivematrix/lib/testing";
import { startNexus, type TestNexus } from "./testing.ts";

const passwordLimits = {
  failures_per_address: 8,
  failures_per_user_and_address: 3,
  failures_per_user: 6,
};
const signIn = "/keycloak/realms/hivematrix/login-actions/authenticate";

/** What Keycloak answers a form with: another page for the right password, else its own once more. */
async function answerForm(request: Request): Promise<Response> {
  const text = await request.text();
  if (text.includes("broken")) return new Response("Oh no", { status: 500 });
  if (!text.includes("password=right")) return new Response("not right");
  return new Response(null, { status: 302, headers: { location: "/keycloak-callback" } });
}

async function startGuarded(t: TestScope): Promise<TestNexus & { seen: () => number }> {
  let count = 0;
  const provider = await serve(
    (request) => {
      count++;
      return answerForm(request);
    },
    { port: 0 },
  );
  t.after(() => provider.close());
  const address = { realm: "hivematrix", clientId: "core-client", clientSecret: "secret" };
  const nexus = await startNexus(t, {
    passwordLimits,
    startProvider: async () => ({ ...address, backendUrl: provider.url.origin }),
  });
  return Object.assign(nexus, { seen: () => count });
}

const formType = { "content-type": "application/x-www-form-urlencoded" };

/** Sends the sign-in's form from an address. @returns the status */
async function send(
  nexus: TestNexus,
  fields: Record<string, string>,
  { from = "127.0.0.66", path = signIn, headers = {} as Record<string, string> } = {},
): Promise<number> {
  const { status } = await nexus.openBrowser(from).request(path, {
    method: "POST",
    headers: { ...formType, origin: nexus.origin, ...headers },
    body: new URLSearchParams(fields).toString(),
  });
  return status;
}

async function sendAll(
  nexus: TestNexus,
  times: number,
  fields: Record<string, string>,
  options = {},
): Promise<number[]> {
  const statuses = [];
  for (let i = 0; i < times; i++) statuses.push(await send(nexus, fields, options));
  return statuses;
}

const wrong = { username: "ada", password: "wrong" };
const right = { username: "ada", password: "right" };

test("R33: guesses beyond the limit do not reach the provider, and the person gets in", async (t) => {
  const nexus = await startGuarded(t);
  assert.deepEqual(await sendAll(nexus, 5, wrong), [200, 200, 200, 429, 429]);
  assert.equal(nexus.seen(), 3);
  assert.equal(await send(nexus, right), 429, "the right one is no better from there");
  assert.equal(await send(nexus, right, { from: "127.0.0.7" }), 302);
  const refused = await nexus.openBrowser("127.0.0.66").request(signIn, {
    method: "POST",
    headers: { ...formType, origin: nexus.origin },
    body: new URLSearchParams(right).toString(),
  });
  assert.match(refused.body, /too many failed sign-ins\. Please wait \d+ (?:seconds|minutes)/);
  assert.ok(Number(refused.header("retry-after")) > 0);
});

test("a right password, and a provider that fails, count for nothing", async (t) => {
  const nexus = await startGuarded(t);
  assert.deepEqual(await sendAll(nexus, 6, right), Array(6).fill(302));
  assert.deepEqual(await sendAll(nexus, 6, { ...wrong, password: "broken" }), Array(6).fill(500));
  assert.equal(await send(nexus, wrong), 200);
});

test("R33: however name, path and form are written, the guesses count together", async (t) => {
  const nexus = await startGuarded(t);
  assert.equal(await send(nexus, { ...wrong, username: " ADA" }), 200);
  assert.equal(await send(nexus, { ...wrong, username: "\u0001ada\u0000" }), 200);
  const encoded = { path: signIn.replace("authenticate", "%61uthenticate;x=y/") };
  assert.equal(await send(nexus, wrong, encoded), 200);
  assert.equal(await send(nexus, right), 429);
  for (const type of [
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/json",
    "",
  ]) {
    const options = { from: "127.0.0.67", headers: { "content-type": type } };
    assert.equal(await send(nexus, right, options), 415, type);
  }
  assert.equal(nexus.seen(), 3);
});

test("R33: one password for many names from one address is 429 in the end", async (t) => {
  const nexus = await startGuarded(t);
  const statuses = [];
  for (let i = 0; i < 10; i++) {
    statuses.push(await send(nexus, { username: `user-${i}`, password: "Winter2026" }));
  }
  assert.deepEqual(statuses, [...Array(8).fill(200), 429, 429]);
});

test("other forms of the provider are not counted", async (t) => {
  const nexus = await startGuarded(t);
  const path = signIn.replace("authenticate", "required-action");
  assert.deepEqual(await sendAll(nexus, 9, wrong, { path }), Array(9).fill(200));
});
