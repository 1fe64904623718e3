import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Answer, TestBrowser } from "./browser_testing.ts";
import { adasPassword, startWithEmbeddedProvider } from "./embedded_provider_testing.ts";
import type { TestNexus } from "./testing.ts";

/** What each kind of answer carries, word for word: a change of these is a decision. */
const always = {
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "strict-origin-when-cross-origin",
  "strict-transport-security": "max-age=63072000",
  "x-content-type-options": "nosniff",
};
const nothing = "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'";
const message =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'";

const policyOf = (answer: Answer) => answer.header("content-security-policy") ?? "";

function snapshot({ header }: Answer) {
  return Object.fromEntries(Object.keys(always).map((name) => [name, header(name)]));
}

describe("the headers of every page, with TLS", () => {
  let nexus: TestNexus;
  let browser: TestBrowser;
  const cleanUps: (() => unknown)[] = [];
  before(async () => {
    const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };
    const services = { helm: { admin_only: true }, gone: { url: "http://127.0.0.1:1" } };
    const limits = { address_bytes: 8000 };
    ({ nexus } = await startWithEmbeddedProvider(scope, { isSecure: true, services, limits }));
    browser = nexus.openBrowser();
    await browser.submit(await browser.open("/login"), adasPassword);
  });
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  const script = {
    accept: "application/json",
    "sec-fetch-mode": "cors",
    "sec-fetch-dest": "empty",
  };
  const foreign = { "sec-fetch-site": "cross-site" };

  test("R27: messages and refusals of Nexus may load the stylesheet and nothing else", async () => {
    const visitor = nexus.openBrowser();
    const answers = [
      [404, await browser.request("/unknown/")],
      [403, await browser.request("/helm/")],
      [403, await browser.request("/template/", { method: "POST", headers: foreign })],
      [502, await browser.request("/gone/")],
      [405, await browser.request("/api/me", { method: "DELETE" })],
      [414, await browser.request(`/${"x".repeat(8000)}`)],
      [421, await browser.request("/", { headers: { host: "evil.example" } })],
      [400, await visitor.request("/keycloak-callback?state=x")],
      [401, await visitor.request("/template/", { method: "POST" })],
      [200, await visitor.request("/login", { headers: foreign })],
      [200, await browser.request("/logout", { headers: foreign })],
    ] as const;
    for (const [status, answer] of answers) {
      assert.equal(answer.status, status, answer.url);
      assert.match(answer.header("content-type") ?? "", /^text\/html/, answer.url);
      assert.equal(policyOf(answer), message, answer.url);
      const expected = answer.url.includes("callback") ? { "referrer-policy": "no-referrer" } : {};
      assert.deepEqual(snapshot(answer), { ...always, ...expected }, answer.url);
    }
  });

  test("R27: what is no page may load nothing, whatever it is taken for", async () => {
    const visitor = nexus.openBrowser();
    const paths = [
      ..."/health /robots.txt /favicon.ico /api/session /login /static/global.css".split(" "),
      ..."/static/session_watch.js /static/unknown.css".split(" "),
    ];
    const answers = [
      ...(await Promise.all(paths.map((path) => visitor.request(path, { headers: script })))),
      await visitor.request("/template/"),
      await browser.request("/api/me"),
      await browser.request("/template"),
      await browser.request("/unknown/", { headers: script }),
      await visitor.request("/template/api/x", { headers: script }),
    ];
    for (const answer of answers) {
      const isPage = /^text\/html/.test(answer.header("content-type") ?? "");
      assert.equal(policyOf(answer), isPage ? message : nothing, `${answer.status} ${answer.url}`);
      assert.deepEqual(snapshot(answer), always, answer.url);
    }
  });

  test("R27: pages with the side panel let in its script alone", async () => {
    for (const path of ["/", "/sessions"]) {
      const answer = await browser.request(path);
      assert.equal(answer.status, 200);
      const [, watch = ""] = /<script [^>]* src="([^"]*)"/.exec(answer.body) ?? [];
      assert.match(policyOf(answer), /default-src 'none'.*object-src 'none'; base-uri 'none'/);
      assert.match(policyOf(answer), /frame-ancestors 'self'/);
      const [, scripts] = /script-src ([^;]*)/.exec(policyOf(answer)) ?? [];
      assert.equal(scripts, nexus.origin + watch, path);
      assert.doesNotMatch(policyOf(answer), /unsafe|\*/);
      assert.deepEqual(snapshot(answer), always, path);
    }
  });

  test("R27: the provider's pages carry them too, and their own where that is stricter", async () => {
    const visitor = nexus.openBrowser();
    const form = await visitor.open("/login");
    const pages = [
      form,
      await visitor.submit(form, { ...adasPassword, password: "wrong" }),
      await visitor.request("/keycloak/realms/hivematrix/unknown"),
      await visitor.request("/keycloak/realms/hivematrix/protocol/openid-connect/auth"),
      await visitor.request("/keycloak/realms/hivematrix/login-actions/authenticate/unknown"),
      await browser.request("/keycloak/realms/hivematrix/protocol/openid-connect/logout"),
    ];
    for (const page of pages) {
      assert.match(page.header("content-type") ?? "", /^text\/html/, page.url);
      for (const part of ["default-src", "object-src", "base-uri", "frame-ancestors"]) {
        assert.ok(policyOf(page).includes(`${part} 'none'`), `${part} of ${page.url}`);
      }
      assert.doesNotMatch(policyOf(page), /unsafe|\*/);
      assert.equal(page.header("x-frame-options"), "DENY");
      assert.deepEqual(snapshot(page), { ...always, "referrer-policy": "same-origin" }, page.url);
    }
    const keys = await visitor.request("/keycloak/realms/hivematrix/protocol/openid-connect/certs");
    assert.equal(keys.header("x-content-type-options"), "nosniff");
    assert.match(policyOf(keys), /default-src 'none'/);
  });

  test("R27: a page of a service gets what it lacks, and keeps what is stricter", async () => {
    const page = await browser.request("/template/");
    assert.deepEqual(snapshot(page), always);
    nexus.upstream.answer((_incoming, outgoing) => {
      outgoing.writeHead(200, {
        "content-type": "text/html",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "noopener-allow-popups",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      });
      outgoing.end("<p>strict");
    });
    const strict = await browser.request("/template/");
    assert.deepEqual(snapshot(strict), {
      ...always,
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "noopener-allow-popups",
    });
    assert.match(policyOf(strict), /default-src 'none'; frame-ancestors 'none'/);
    assert.doesNotMatch(policyOf(strict), /frame-ancestors 'self'/);
  });

  test("R27: the signed-out page lets in the one script that clears the browser, by a fresh nonce", async () => {
    const nonces = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const leaver = nexus.openBrowser();
      await leaver.submit(await leaver.open("/login"), adasPassword);
      const headers = { "sec-fetch-site": "same-origin" };
      const page = await leaver.request("/logout", { method: "POST", headers });
      const [, nonce = ""] = /script-src 'nonce-([\w+/=-]{22,})'$/.exec(policyOf(page)) ?? [];
      assert.ok(page.body.includes(`nonce="${nonce}"`), policyOf(page));
      assert.ok(policyOf(page).startsWith(message), policyOf(page));
      assert.deepEqual(snapshot(page), always);
      nonces.add(nonce);
    }
    assert.equal(nonces.size, 2);
  });
});
