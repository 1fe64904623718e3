import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HttpError } from "./http_error.ts";
import { type RequestHandler, serve } from "./serve.ts";
import { createServiceTokens } from "./service_tokens.ts";
import { startTestCore, testServiceSecret } from "./testing.ts";

async function startTokens(t: TestContext) {
  const core = await startTestCore(t);
  const clock = { now: Date.now() };
  const tokens = createServiceTokens({
    service: "treasury",
    serviceSecret: testServiceSecret,
    coreUrl: core.url,
    timeoutMs: 5000,
    now: () => clock.now,
  });
  return { core, clock, tokens };
}

test("calls that start together ask Core once, later ones not at all", async (t) => {
  const { core, tokens } = await startTokens(t);
  const all = await Promise.all([1, 2, 3].map(() => tokens.tokenFor("codex")));
  const later = await tokens.tokenFor("codex");
  assert.equal(new Set([...all, later].map(({ token }) => token)).size, 1);
  assert.equal(core.asked.serviceTokens, 1);
  assert.deepEqual([all[0]?.isKept, later.isKept], [false, true]);
  assert.notEqual((await tokens.tokenFor("ledger")).token, later.token);
});

test("a token is renewed half a minute before it expires", async (t) => {
  const { core, clock, tokens } = await startTokens(t);
  const { token } = await tokens.tokenFor("codex");
  clock.now += 265_000;
  assert.equal((await tokens.tokenFor("codex")).token, token);
  clock.now += 10_000;
  assert.notEqual((await tokens.tokenFor("codex")).token, token);
  assert.equal(core.asked.serviceTokens, 2);
});

test("a token that was refused is forgotten, a fresh one in its place is not", async (t) => {
  const { core, tokens } = await startTokens(t);
  const { token } = await tokens.tokenFor("codex");
  tokens.drop("codex", "another");
  assert.equal((await tokens.tokenFor("codex")).token, token);
  tokens.drop("codex", token);
  assert.notEqual((await tokens.tokenFor("codex")).token, token);
  assert.equal(core.asked.serviceTokens, 2);
});

async function refusal(coreUrl: string, serviceSecret = testServiceSecret): Promise<HttpError> {
  const service = "treasury";
  const tokens = createServiceTokens({ service, serviceSecret, coreUrl, timeoutMs: 200 });
  const error = await tokens.tokenFor("codex").catch((thrown: unknown) => thrown);
  assert(error instanceof HttpError);
  return error;
}

test("R21: with a wrong secret there is no token, and the secret is not in the error", async (t) => {
  const core = await startTestCore(t);
  const error = await refusal(core.url, "wrong-secret");
  assert.equal(error.status, 503);
  assert.match(error.message, /"codex": Core answered 401$/);
  assert.doesNotMatch(JSON.stringify([error.message, error.fields]), /wrong-secret/);
});

const answers: Record<string, [RequestHandler, RegExp]> = {
  "that is late": [() => new Promise(() => {}), /cannot be reached$/],
  "that fails": [async () => new Response("", { status: 500 }), /answered 500$/],
  "that sends us elsewhere": [
    async () => Response.redirect("http://127.0.0.1:9/", 307),
    /reached$/,
  ],
  "that is no JSON": [async () => new Response("<html>"), /has no token$/],
  "that is no object": [async () => Response.json(null), /has no token$/],
  "without a token": [async () => Response.json({}), /has no token$/],
  "with a token that is none": [async () => Response.json({ token: "x" }), /has no token$/],
  "with a token without an end": [async () => Response.json({ token: "e30.e30.x" }), /no token$/],
};
for (const [what, [handle, message]] of Object.entries(answers)) {
  test(`R25: an answer of Core's ${what} is a 503 that says when to come again`, async (t) => {
    const core = await serve(handle, { port: 0, drainTimeoutMs: 10 });
    t.after(() => core.close());
    const error = await refusal(core.url.origin);
    assert.equal(error.status, 503);
    assert.match(error.message, message);
    assert.match(error.headers["retry-after"] ?? "", /^[1-9]\d*$/);
  });
}

test("R25: after Core was away, the next call gets its token", async (t) => {
  let isWell = false;
  const good = await startTestCore(t);
  const core = await serve(
    async () => {
      if (!isWell) return new Response("", { status: 502 });
      return Response.json({ token: await good.serviceToken("treasury", "codex") });
    },
    { port: 0 },
  );
  t.after(() => core.close());
  const tokens = createServiceTokens({
    service: "treasury",
    serviceSecret: testServiceSecret,
    coreUrl: core.url.origin,
    timeoutMs: 5000,
  });
  await assert.rejects(tokens.tokenFor("codex"), { status: 503 });
  isWell = true;
  assert.match((await tokens.tokenFor("codex")).token, /^eyJ/);
});
