import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { readForm } from "@hivematrix/lib/request_body";
import { serve } from "@hivematrix/lib/serve";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { createRemoteJWKSet, decodeJwt, type JWTPayload, jwtVerify } from "jose";
import { startEmbeddedProvider, type TestProvider } from "./testing.ts";

/** In Core's place: keeps what it is told, and answers as the test wants. */
async function startReceiver(t: TestContext) {
  const tokens: string[] = [];
  const receiver = {
    url: "",
    tokens,
    answer: (_claims: JWTPayload): Response | Promise<Response> => new Response(),
    claims: () => tokens.map((token) => decodeJwt(token)),
    close: () => server.close(),
  };
  const server = await serve(
    async (request) => {
      assert.equal(new URL(request.url).pathname, "/api/backchannel-logout");
      const [token = "", ...others] = (await readForm(request)).getAll("logout_token");
      assert.deepEqual(others, []);
      tokens.push(token);
      return await receiver.answer(decodeJwt(token));
    },
    { port: 0, drainTimeoutMs: 100 },
  );
  t.after(() => server.close());
  return Object.assign(receiver, { url: server.url.origin });
}

async function start(t: TestContext) {
  const { sql, url } = await startTestPostgres(t);
  const receiver = await startReceiver(t);
  const provider = await startEmbeddedProvider(t, { databaseUrl: url, coreUrl: receiver.url });
  const [ada] = await provider.accounts.list();
  assert.ok(ada);
  const countMessages = async () => {
    const [row] = await sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM logout_messages`;
    return row?.count;
  };
  return { sql, receiver, provider, adaId: ada.id, countMessages };
}

async function signOut(provider: TestProvider) {
  const browser = provider.openBrowser();
  const { id_token, refresh_token } = await browser.obtainTokens("ada", "ada-secret");
  const startedAt = performance.now();
  const response = await browser.post("logout", { refresh_token });
  assert.equal(response.status, 204);
  return { sid: decodeJwt(id_token)["sid"], tookMs: performance.now() - startedAt };
}

test("R34: the logout token is what the standard asks for", async (t) => {
  const { provider, receiver, adaId } = await start(t);
  const { sid } = await signOut(provider);
  const token = await waitFor(() => receiver.tokens[0]);
  const certs = "/realms/hivematrix/protocol/openid-connect/certs";
  const keys = createRemoteJWKSet(new URL(provider.backendUrl + certs));
  const { payload, protectedHeader } = await jwtVerify(token, keys);
  const { alg, typ, kid } = protectedHeader;
  assert.deepEqual([alg, typ, typeof kid], ["RS256", "logout+jwt", "string"]);
  const { jti, iat = 0, exp = 0, ...claims } = payload;
  assert.deepEqual(claims, {
    iss: provider.issuer,
    aud: provider.clientId,
    sub: adaId,
    sid,
    events: { "http://schemas.openid.net/event/backchannel-logout": {} },
  });
  assert.ok((jti ?? "").length >= 20);
  assert.equal(exp - iat, 120);
  assert.ok(Math.abs(iat - Date.now() / 1000) < 60);
});

test("R34: a message about all sessions of a user names no session", async (t) => {
  const { provider, receiver, adaId } = await start(t);
  await provider.accounts.setPassword(adaId, "another-secret");
  await waitFor(() => receiver.tokens[0]);
  const [claims] = receiver.claims();
  assert.equal(claims?.sub, adaId);
  assert.ok(claims && !("sid" in claims));
});

test("discovery says that logouts are told", async (t) => {
  const { provider } = await start(t);
  const path = "/realms/hivematrix/.well-known/openid-configuration";
  const metadata = (await (await fetch(provider.backendUrl + path)).json()) as JWTPayload;
  assert.equal(metadata["backchannel_logout_supported"], true);
  assert.equal(metadata["backchannel_logout_session_supported"], true);
});

test("R34: while Core does not answer, a logout is as fast as ever, and so is the provider's stop", async (t) => {
  const { provider, receiver } = await start(t);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  t.after(release);
  receiver.answer = async () => {
    await held;
    return new Response();
  };
  for (let round = 1; round <= 3; round++) {
    const { tookMs } = await signOut(provider);
    // A delivery is given up after five seconds.
    assert.ok(tookMs < 4000, `${tookMs} ms`);
  }
  await waitFor(() => receiver.tokens[0]);
  const startedAt = performance.now();
  await provider.close();
  assert.ok(performance.now() - startedAt < 4000);
});

test("R34: a Core that is being restarted is told again, each time with a new token", async (t) => {
  const { provider, receiver, countMessages } = await start(t);
  const statuses = [503, 500, 200];
  receiver.answer = () => new Response(null, { status: statuses.shift() ?? 200 });
  const { sid } = await signOut(provider);
  await waitFor(async () => (await countMessages()) === 0);
  const claims = receiver.claims();
  assert.deepEqual(
    claims.map((claim) => claim["sid"]),
    [sid, sid, sid],
  );
  assert.equal(new Set(claims.map(({ jti }) => jti)).size, 3, "for Core takes a token once");
  const warnings = provider.lines.filter((line) => line.includes("cannot tell Core"));
  assert.deepEqual(
    warnings.map((line) => (JSON.parse(line) as { retry_in_ms: number }).retry_in_ms),
    [250, 500],
  );
  for (const token of receiver.tokens) assert.ok(!provider.lines.join("").includes(token));
});

test("R34: what Core was not told is told after the provider's next start", async (t) => {
  const { provider, receiver, countMessages } = await start(t);
  await provider.restart({ coreUrl: "http://127.0.0.1:9" });
  const { sid } = await signOut(provider);
  await waitFor(() => provider.lines.some((line) => /cannot tell Core.*ECONNREFUSED/.test(line)));
  assert.deepEqual([receiver.tokens.length, await countMessages()], [0, 1]);
  await provider.restart({ coreUrl: receiver.url });
  await waitFor(async () => (await countMessages()) === 0);
  assert.deepEqual(
    receiver.claims().map((claim) => claim["sid"]),
    [sid],
  );
});

test("R34: messages that Core refuses do not hold up the others, and are kept", async (t) => {
  const { provider, receiver, sql, countMessages } = await start(t);
  for (let i = 0; i < 20; i++) await sql`INSERT INTO logout_messages (sub) VALUES (${`bad-${i}`})`;
  receiver.answer = ({ sub }) => new Response(null, { status: sub?.startsWith("bad") ? 400 : 200 });
  const { sid } = await signOut(provider);
  await waitFor(() => receiver.claims().some((claim) => claim["sid"] === sid));
  await waitFor(async () => (await countMessages()) === 20);
});

test("many messages arrive, a few at a time", async (t) => {
  const { provider, receiver, sql, adaId, countMessages } = await start(t);
  let now = 0;
  let most = 0;
  receiver.answer = async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setImmediate(resolve));
    now--;
    return new Response();
  };
  for (let i = 0; i < 50; i++) await sql`INSERT INTO logout_messages (sub) VALUES (${`user-${i}`})`;
  await provider.accounts.setEnabled(adaId, false);
  await waitFor(async () => (await countMessages()) === 0);
  assert.equal(new Set(receiver.claims().map(({ sub }) => sub)).size, 51);
  assert.ok(most <= 8, `${most} at once`);
});

test("a message that is older than any session is dropped", async (t) => {
  const { provider, receiver, sql, adaId, countMessages } = await start(t);
  const add = (sub: string, age: string) => sql`
    INSERT INTO logout_messages (sub, created_at) VALUES (${sub}, now() - ${age}::interval)`;
  await add("too-old", "30 days 1 minute");
  await add("old", "29 days");
  await provider.accounts.setEnabled(adaId, false);
  await waitFor(async () => (await countMessages()) === 0);
  assert.deepEqual(
    receiver
      .claims()
      .map(({ sub }) => sub)
      .sort(),
    [adaId, "old"].sort(),
  );
  assert.ok(provider.lines.some((line) => line.includes("gave up")));
});
