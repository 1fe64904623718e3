import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import { startNexus, type TestNexusOptions } from "./testing.ts";

/** A whole run: sign-ins good and bad, pages, errors, a re-login, a logout, and parts away. */
async function run(t: { after(f: () => unknown): void }, options: TestNexusOptions) {
  const nexus = await startNexus(t, options);
  const tokens = new Set<string>();
  nexus.upstream.answer((incoming, outgoing) => {
    tokens.add(incoming.headers.authorization?.replace("Bearer ", "") ?? "");
    outgoing.setHeader("content-type", "text/html").end("<title>a</title><p>b");
  });
  const browser = nexus.openBrowser();
  await browser.open("/template/?a=b");
  const [used] = browser.seen.filter(({ url }) => url.includes("/keycloak-callback"));
  await browser.open(used?.url ?? "");
  await browser.open("/login?next=/template/again");
  for (const path of ["/", "/api/me", "/template/x", "/unknown/", "/template/%2e%2e/"]) {
    await browser.request(path);
  }
  nexus.provider.wrong.claims = (claims) => ({ ...claims, nonce: "another" });
  await nexus.openBrowser().open("/login");
  nexus.provider.wrong = { tokenAnswer: (body) => ({ status: 400, body }) };
  await browser.open("/login");
  nexus.provider.wrong = {};
  await nexus.coreDoor.shut();
  await browser.request("/template/");
  await browser.open("/login");
  await nexus.coreDoor.open();
  await nexus.upstream.kill();
  await browser.request("/template/");
  await browser.request("/logout", { method: "POST" });
  return { nexus, browser, tokens };
}

for (const isSecure of [false, true]) {
  const where = isSecure ? "with TLS" : "on plain HTTP";
  test(`R5: no secret of a whole run is in a log line, a page or an address ${where}`, async (t) => {
    const { nexus, browser, tokens } = await run(t, { isSecure });
    const { provider, settings } = nexus;
    const verifiers = provider.tokenRequests.map((form) => form.get("code_verifier") ?? "");
    const nonces = provider.authorizations.map((parameters) => parameters.get("nonce") ?? "");
    const codes = provider.tokenRequests.map((form) => form.get("code") ?? "");
    const sessionIds = [...tokens].map((token) => decodeJwt(token).jti ?? "");
    const cookies = browser.seen
      .flatMap(({ setCookies }) => setCookies)
      .map((line) => /=([\w-]+)/.exec(line)?.[1] ?? "")
      .filter((value) => value.length > 20);
    assert.ok(tokens.size >= 2 && verifiers.length >= 4 && provider.secrets.size > 10);

    const secrets = new Set([
      ...tokens,
      ...[...tokens].map((token) => token.split(".")[2] ?? ""),
      ...sessionIds,
      ...verifiers,
      ...provider.secrets,
      ...cookies,
      provider.clientSecret,
      encodeURIComponent(provider.clientSecret),
      settings.SECRET_KEY,
    ]);
    assert.ok([...secrets].every((secret) => secret.length >= 16));
    const log = [...nexus.logLines, ...nexus.core.logLines].join("");
    for (const secret of secrets) {
      assert.ok(!log.includes(secret), `the log holds ${secret}`);
      for (const { url, body } of browser.seen) {
        assert.ok(!body.includes(secret), `${url} holds ${secret}`);
        const isOwnCallback = url.includes("/keycloak-callback") && codes.includes(secret);
        assert.ok(isOwnCallback || !url.includes(secret), `${url} holds ${secret}`);
      }
    }
    for (const nonce of nonces) assert.ok(!log.includes(nonce), "a nonce is in the log");
  });
}

test("R5: what the browser holds is sealed: no part of a token can be read from it", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await browser.openUntil(/keycloak-callback/, "/login");
  assert.equal(browser.cookies.length, 2);
  for (const { value, isHttpOnly } of browser.cookies) {
    assert.ok(isHttpOnly);
    const bytes = Buffer.from(value, "base64url").toString("latin1");
    // Each is long enough not to turn up in sealed bytes by chance.
    assert.doesNotMatch(bytes, /eyJhbGci|"ada"|state|nonce|\{"[a-z_]+":/);
  }
});

test("a sign-in, a refusal and a logout are in the log, each with its request's id", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await browser.open("/keycloak-callback?code=x&state=y");
  await browser.request("/logout", { method: "POST" });
  const lines = nexus.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const message of ["signed in", "sign-in refused", "signed out"]) {
    const line = lines.find((one) => one["message"] === message);
    assert.match(String(line?.["request_id"]), /^\w{24}$/, message);
    assert.match(String(line?.["time"]), /Z$/);
  }
  const paths = lines.flatMap(({ path }) => (typeof path === "string" ? [path] : []));
  assert.ok(paths.includes("/keycloak-callback") && paths.every((path) => !path.includes("?")));
});
