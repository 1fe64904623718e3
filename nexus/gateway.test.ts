import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRaw, sendRaw } from "@hivematrix/lib/raw_http_testing";
import type { TestBrowser } from "./browser_testing.ts";
import { ada } from "./hostile_provider_testing.ts";
import { startNexus } from "./testing.ts";

const admin = { ...ada, sub: "root-sub", name: "Root", groups: ["admins"] };

/** A request as a command-line client or a script of a service sends it. */
const plain = { accept: "*/*", "sec-fetch-mode": undefined, "sec-fetch-site": undefined };
const plainly = { ...plain, "sec-fetch-dest": undefined };
const script = { accept: "*/*", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" };

test("R22: without a session nothing answers 2xx but what is declared open", async (t) => {
  const nexus = await startNexus(t, { services: { helm: { admin_only: true } } });
  const open = new Set([
    ...["/health", "/robots.txt", "/favicon.ico", "/static/global.css"],
    // It says no.
    "/api/session",
  ]);
  const paths = [
    ..."/ /health /robots.txt /favicon.ico /static/global.css /static/ /static/x.css".split(" "),
    ..."/login /logout /keycloak-callback /api/me /api/session /api/ /api /keycloak /keycloak/".split(
      " ",
    ),
    ..."/keycloak/admin/ /keycloak/metrics /core/ /core/health /nexus/ /postgres/".split(" "),
    ..."/template /template/ /template/api/notes /template/health /template/static/a.css".split(
      " ",
    ),
    ..."/helm/ /helm/api/services /unknown/ /.well-known/jwks.json /service-token".split(" "),
    ..."/metrics /docs /admin /favicon /static /health/ /Health /%68ealth /template%00".split(" "),
  ];
  const answered2xx = new Set<string>();
  for (const path of paths) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] as const) {
      for (const headers of [{}, plainly, { ...plainly, "user-agent": "kube-probe/1.30" }]) {
        const { status } = await nexus.openBrowser().request(path, { method, headers });
        if (status >= 200 && status < 300) answered2xx.add(path);
        const isChange = method !== "GET" && method !== "HEAD";
        if (status < 300) assert.ok(!isChange || path === "/logout", `${method} ${path}`);
      }
    }
  }
  // Signing out without a session is no secret either.
  assert.deepEqual(answered2xx, new Set([...open, "/logout"]));
  assert.equal(nexus.upstream.requests.length, 0, "nothing has reached a service");
});

test("without a session a page leads to the sign-in and back", async (t) => {
  const nexus = await startNexus(t);
  for (const headers of [{}, plainly]) {
    const page = await nexus.openBrowser().request("/template/?a=b&c", { headers });
    assert.equal(page.status, 302);
    assert.equal(page.header("location"), "/login?next=%2Ftemplate%2F%3Fa%3Db%26c");
    assert.equal(page.header("cache-control"), "no-store");
  }
});

test("without a session a program gets 401 as a problem with the way to sign in", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  const ask = (path: string, headers: Record<string, string | undefined>) =>
    browser.request(path, { headers });
  for (const answer of [
    await ask("/template/api/notes?a=b", plainly),
    await ask("/template/api/notes?a=b", script),
    await ask("/template/api/notes?a=b", { ...plainly, accept: "application/json" }),
    await ask("/template/api/notes?a=b", { ...plainly, "x-requested-with": "XMLHttpRequest" }),
  ]) {
    assert.equal(answer.status, 401);
    assert.equal(answer.header("content-type"), "application/problem+json");
    assert.equal(answer.header("www-authenticate"), "Bearer");
    assert.equal(answer.header("cache-control"), "no-store");
    const problem = answer.json();
    assert.equal(problem["login_url"], "/login?next=%2Ftemplate%2Fapi%2Fnotes%3Fa%3Db");
    assert.equal(problem["status"], 401);
    assert.equal(problem["title"], "Unauthorized");
    assert.match(String(problem["request_id"]), /^\w{8,}$/);
  }
});

test("a script's sign-in leads back to the page that it runs on", async (t) => {
  const nexus = await startNexus(t);
  const ask = async (referer: string) => {
    const headers = { ...script, referer };
    const answer = await nexus.openBrowser().request("/template/api/notes", { headers });
    return answer.json()["login_url"];
  };
  assert.equal(await ask(`${nexus.origin}/template/page?a`), "/login?next=%2Ftemplate%2Fpage%3Fa");
  const api = "/login?next=%2Ftemplate%2Fapi%2Fnotes";
  assert.equal(await ask("https://evil.example/template/page"), api);
  assert.equal(await ask("nonsense"), api);
});

test("a form that is sent without a session is told that nothing was saved", async (t) => {
  const nexus = await startNexus(t);
  const sent = await nexus.openBrowser().request("/template/notes", { method: "POST" });
  assert.equal(sent.status, 401);
  assert.match(sent.body, /was not saved/);
  const headers = { ...script, "sec-fetch-site": "same-origin" };
  const called = await nexus.openBrowser().request("/template/x", { method: "POST", headers });
  assert.equal(called.json()["login_url"], "/login");
});

test("R14: a state-changing request from another origin is refused for every service", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const post = async (headers: Record<string, string | undefined>) =>
    (await browser.request("/template/notes", { method: "POST", headers })).status;
  const before = nexus.upstream.requests.length;
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": undefined, origin: "https://evil.example" },
    { "sec-fetch-site": undefined, origin: "null" },
    // A browser adds what it knows of Basic to any site's request.
    { "sec-fetch-site": "cross-site", authorization: "Basic YTpi" },
  ]) {
    assert.equal(await post(headers), 403, JSON.stringify(headers));
  }
  assert.equal(nexus.upstream.requests.length, before);
  assert.equal(await post({ "sec-fetch-site": "same-origin" }), 200);
  assert.equal(await post({ "sec-fetch-site": undefined, origin: nexus.origin }), 200);
  assert.equal(await post(plainly), 200);
  const link = await browser.request("/template/", { headers: { "sec-fetch-site": "cross-site" } });
  assert.equal(link.status, 200, "a link from elsewhere may be followed");
});

test("a request for another host gets the right address, and no page of ours", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  for (const host of ["evil.example", `localhost:${nexus.url.port}`, "127.0.0.1"]) {
    const answer = await browser.request("/template/", { headers: { host } });
    assert.equal(answer.status, 421);
    assert.ok(answer.body.includes(nexus.origin.replaceAll("/", "&#x2F;")), answer.body);
  }
  const health = await browser.request("/health", { headers: { host: "10.0.0.1" } });
  assert.equal(health.status, 200, "a supervisor asks by address");
});

test("two Host headers, another host in the target or a fragment are refused", async (t) => {
  const nexus = await startNexus(t);
  const { host } = nexus.url;
  const ask = async (target: string, ...more: string[]) => {
    const lines = [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...more, "Connection: close"];
    return Number((await sendRaw(nexus.url, lines)).split(" ", 2)[1]);
  };
  assert.equal(await ask("/health"), 200);
  assert.equal(await ask("/health", `Host: ${host}`), 400);
  assert.equal(await ask("/health", "Host: evil.example"), 400);
  assert.equal(await ask(`http://${host}/health`), 200);
  assert.equal(await ask("http://evil.example/health"), 400);
  assert.equal(await ask("/health#x"), 400);
  assert.equal(await ask("/template/../health"), 400);
  assert.equal(await ask("//evil.example/health"), 400);
});

test("R28: TRACE and CONNECT are not offered, and nothing names the software", async (t) => {
  const nexus = await startNexus(t);
  const lines = [`TRACE / HTTP/1.1`, `Host: ${nexus.url.host}`, "X-Secret: 1", "Connection: close"];
  const traced = await sendRaw(nexus.url, lines);
  assert.match(traced, /^HTTP\/1\.1 405 /);
  assert.match(traced, /^allow: GET, HEAD, POST\r$/im);
  assert.doesNotMatch(traced, /x-secret/i);
  assert.doesNotMatch(traced, /^(?:server|x-powered-by):/im);
  const socket = await connectRaw(nexus.url);
  socket.write(`CONNECT ${nexus.upstream.url.slice(7)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  assert.doesNotMatch(answer, /^HTTP\/1\.1 2/);
});

test("the gateway's own pages answer the methods that they are made for", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const headers = { "sec-fetch-site": "same-origin" };
  for (const path of ["/", "/api/me", "/health", "/login", "/robots.txt", "/static/global.css"]) {
    assert.equal((await browser.request(path, { method: "POST", headers })).status, 405, path);
    assert.equal((await browser.request(path, { method: "DELETE", headers })).status, 405, path);
    const head = await browser.request(path, { method: "HEAD" });
    assert.ok(head.status < 400 && head.body === "", path);
  }
  const refused = await browser.request("/api/me", { method: "DELETE", headers });
  assert.equal(refused.header("allow"), "GET, HEAD");
});

test("/api/me says who is signed in, and nothing that opens a session", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const me = await browser.request("/api/me");
  assert.equal(me.header("cache-control"), "no-store");
  const { exp, ...rest } = me.json();
  assert.ok(Number(exp) > Date.now() / 1000);
  assert.deepEqual(rest, {
    sub: "ada-sub",
    name: "Ada Lovelace",
    email: "ada@example.org",
    preferred_username: "ada",
    permission_level: "technician",
    groups: ["technicians"],
  });
});

test("what no service is registered for is 404, Core and reserved names among it", async (t) => {
  const nexus = await startNexus(t, { services: { login: {}, postgres: {} } });
  const browser = await nexus.signIn(admin);
  for (const path of [
    "/unknown/",
    "/core/",
    "/core/api/token/validate",
    "/postgres/",
    "/Template/",
  ]) {
    const page = await browser.request(path);
    assert.equal(page.status, 404, path);
    assert.match(page.body, /There is nothing here/);
    const called = await browser.request(path, { headers: { ...script, accept: "*/*" } });
    assert.equal(called.json()["status"], 404);
  }
  assert.equal(nexus.upstream.requests.length, 0);
});

test("of the provider only what people need is reachable, with or without a session", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn(admin);
  const closed = "/keycloak/admin/ /keycloak/admin/realms/x/users /keycloak/metrics /keycloak/";
  const otherRealms = [
    "/keycloak/realms/",
    "/keycloak/realms/master/protocol/openid-connect/token",
    "/keycloak/realms/%6daster/",
    "/keycloak/realms/hivematrixx/",
    "/keycloak/realms/HIVEMATRIX/",
    "/keycloak/realms//master/",
    "/keycloak/realms/hivematrix;/master/",
  ];
  const others = `${closed} /keycloak/health /keycloak/realmsx/ /keycloak/js/x`.split(" ");
  for (const path of [...others, ...otherRealms]) {
    for (const visitor of [browser, nexus.openBrowser()]) {
      assert.equal((await visitor.request(path)).status, 404, path);
    }
  }
  for (const path of ["/keycloak/realms/../admin/", "/keycloak/realms/%2e%2e/admin/"]) {
    const lines = [`GET ${path} HTTP/1.1`, `Host: ${nexus.url.host}`, "Connection: close"];
    assert.match(await sendRaw(nexus.url, lines), /^HTTP\/1\.1 400 /, path);
  }
  for (const path of ["/realms/hivematrix/account", "/resources/x.css", "/robots.txt"]) {
    const answer = await nexus.openBrowser().request(`/keycloak${path}?a=b`);
    assert.equal(answer.json()["reached"], `${path}?a=b`);
  }
});

test("the provider learns the public address, the client's credential, and no session", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  browser.plant("KC_RESTART", "kept");
  const headers = { authorization: "Basic YTpi" };
  const answer = await browser.request("/keycloak/realms/hivematrix/x", { headers });
  const raw = answer.json()["headers"] as string[];
  const sent = (name: string) => raw[raw.indexOf(name) + 1];
  assert.equal(sent("x-forwarded-prefix"), "/keycloak");
  assert.equal(sent("x-forwarded-host"), nexus.url.host);
  assert.equal(sent("x-forwarded-proto"), "http");
  assert.equal(sent("authorization"), "Basic YTpi");
  assert.equal(sent("cookie"), "KC_RESTART=kept");
});

test("a service's first page is below its slash", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const answer = await browser.request("/template?a=b");
  assert.equal(answer.status, 308);
  assert.equal(answer.header("location"), "/template/?a=b");
  assert.equal(answer.header("cache-control"), "no-store", "it may be uninstalled");
});

const ruled = {
  helm: { admin_only: true, title: "Helm" },
  ledger: { billing_or_admin_only: true },
  quiet: { visible: false },
  bench: { allowed_levels: ["technician" as const] },
};

test("an access rule is enforced with a page that names it, the level needed and a way out", async (t) => {
  const nexus = await startNexus(t, { services: ruled });
  const browser = await nexus.signIn();
  const page = await browser.request("/helm/");
  assert.equal(page.status, 403);
  assert.match(page.body, /Helm is not open to you/);
  assert.match(page.body, /needs permission level admin; yours is technician/);
  assert.match(page.body, /&quot;admin_only&quot;/);
  assert.match(page.body, /administrator can/);
  const problem = (await browser.request("/ledger/api/x", { headers: script })).json();
  assert.equal(problem["status"], 403);
  assert.equal(problem["rule"], "billing_or_admin_only");
  assert.deepEqual(problem["required_levels"], ["admin", "billing"]);
  assert.equal(problem["permission_level"], "technician");
  for (const path of ["/helm", "/helm//x", "/HELM/", "/helm;/x", "/%68elm/"]) {
    assert.notEqual((await browser.request(path)).status, 200, path);
  }
  assert.equal(nexus.upstream.requests.length, 0);
  assert.equal((await browser.request("/bench/")).status, 200);
  assert.equal((await (await nexus.signIn(admin)).request("/helm/")).status, 200);
});

test("navigation and the start page show what is open and hide the rest", async (t) => {
  const nexus = await startNexus(t, { services: ruled });
  const links = async (browser: TestBrowser, path: string) => {
    const { body } = await browser.request(path);
    const found = body.matchAll(/href="&#x2F;([a-z]+)&#x2F;"/g);
    return [...new Set([...found].map(([, name]) => name))].sort();
  };
  const technician = await nexus.signIn();
  assert.deepEqual(await links(technician, "/"), ["bench", "template"]);
  assert.deepEqual(await links(technician, "/template/"), ["bench", "template"]);
  const root = await nexus.signIn(admin);
  assert.deepEqual(await links(root, "/"), ["helm", "ledger", "template"]);
});

test("R27: every kind of answer carries the protecting headers", async (t) => {
  const nexus = await startNexus(t, { isSecure: true });
  const browser = await nexus.signIn();
  for (const path of ["/", "/template/", "/unknown/", "/login", "/api/me", "/static/global.css"]) {
    const { header } = await browser.request(path);
    assert.equal(header("x-content-type-options"), "nosniff", path);
    assert.equal(header("cross-origin-opener-policy"), "same-origin", path);
    assert.match(header("content-security-policy") ?? "", /frame-ancestors 'self'/, path);
    assert.match(header("strict-transport-security") ?? "", /^max-age=\d{8}/, path);
    assert.ok(header("referrer-policy"), path);
  }
  const home = (await browser.request("/")).header("content-security-policy") ?? "";
  assert.match(home, /default-src 'none'/);
  assert.match(home, /base-uri 'none'/);
});

test("a refusal leaves the connection usable for the next request", async (t) => {
  const nexus = await startNexus(t);
  const socket = await connectRaw(nexus.url);
  const host = `Host: ${nexus.url.host}`;
  const body = "x".repeat(100_000);
  const post = ["POST /template/notes HTTP/1.1", host, `Content-Length: ${body.length}`];
  socket.write(`${post.join("\r\n")}\r\n\r\n${body}`);
  socket.write(`GET /health HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`);
  let answers = "";
  for await (const chunk of socket) answers += chunk;
  const statuses = [...answers.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
  assert.deepEqual(statuses, ["401", "200"]);
});
