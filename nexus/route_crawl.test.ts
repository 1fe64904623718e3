import assert from "node:assert/strict";
import { test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { coreRoutes } from "../core/routes.ts";
import { startService } from "../template/testing.ts";
import { startWithEmbeddedProvider } from "./embedded_provider_testing.ts";
import { openPages, sessionPages } from "./own_pages.ts";
import { startNexus, type TestNexus } from "./testing.ts";

/** The tables themselves, so that a page that is added is looked at too. */
const open = openPages({} as never);
const closed = sessionPages({} as never);

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY"];

/** One request of a client that is no browser, with nothing to show. */
async function ask({ url }: TestNexus, method: string, path: string): Promise<string> {
  const head = [`${method} ${path} HTTP/1.1`, `Host: ${url.host}`, "Connection: close"];
  return await sendRaw(url, [...head, "Content-Length: 0"]);
}

const statusOf = (answer: string) => Number(answer.split(" ", 2)[1]);

test("R22: of all own pages and all routes of all services only the declared ones answer nobody", async (t) => {
  const services = { helm: { admin_only: true }, public: { allowed_levels: ["client" as const] } };
  const nexus = await startNexus(t, { services });
  const template = await startService(t);
  const routes = [
    ...[...open.keys(), ...closed.keys()],
    ...coreRoutes(nexus.core).map(({ path }) => `/core${path}`),
    ...template.routes.map(({ path }) => `/template${path}`),
    ...template.routes.map(({ path }) => `/public${path}`),
    ..."/helm/ /helm/health /helm/api/services /helm/config /postgres/ /keycloak/".split(" "),
  ].map((path) => path.replaceAll(/:\w+/g, "1"));
  assert.ok(routes.length > 30);
  const answered = new Set<string>();
  for (const path of routes) {
    for (const method of methods) {
      const status = statusOf(await ask(nexus, method, path));
      assert.ok(status >= 200 && status < 500, `${method} ${path}: ${status}`);
      if (status < 300) answered.add(`${method} ${path}`);
    }
  }
  assert.deepEqual([...answered].sort(), [
    ...["GET /api/session", "GET /favicon.ico", "GET /health", "GET /logout", "GET /robots.txt"],
    ...["HEAD /api/session", "HEAD /favicon.ico", "HEAD /health", "HEAD /robots.txt"],
    // Who has no session may leave, which changes nothing.
    "POST /logout",
  ]);
  assert.equal(nexus.upstream.requests.length, 0, "nothing has reached a service");
});

test("R22: of the provider only what begins a sign-in answers nobody", async (t) => {
  const { nexus } = await startWithEmbeddedProvider(t);
  const realm = "/keycloak/realms/hivematrix";
  const discovery = await ask(nexus, "GET", `${realm}/.well-known/openid-configuration`);
  const named = JSON.parse(discovery.slice(discovery.indexOf("{"))) as Record<string, unknown>;
  const endpoints = Object.entries(named)
    .filter(([name, value]) => /_(?:endpoint|uri)$/.test(name) && typeof value === "string")
    .map(([, value]) => new URL(String(value)).pathname);
  assert.ok(endpoints.length >= 7, discovery);
  const others = ["", "/", "/account", "/broker", "/login-actions/authenticate/x", "/clients"];
  const admin = "/keycloak/admin/realms/hivematrix/users /keycloak/health /keycloak/metrics";
  const paths = [...endpoints, ...others.map((path) => realm + path), ...admin.split(" ")];
  const answered = new Set<string>();
  for (const path of paths) {
    for (const method of methods) {
      const status = statusOf(await ask(nexus, method, path));
      assert.ok(status >= 200 && status < 500, `${method} ${path}: ${status}`);
      if (status < 300) answered.add(`${method} ${path.replace(realm, "")}`);
    }
  }
  assert.deepEqual([...answered].sort(), [
    "GET /protocol/openid-connect/certs",
    "GET /protocol/openid-connect/logout",
    "HEAD /protocol/openid-connect/certs",
    "HEAD /protocol/openid-connect/logout",
  ]);
});

test("R28: an own page answers the methods that it is made for, and names them with any other", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  const browser = await nexus.signIn();
  const headers = { authorization: `Bearer ${token}` };
  const files = ["/static/global.css", { methods: ["GET", "HEAD"] }] as const;
  const pages: (readonly [path: string, page: { methods: readonly string[] }])[] = [
    ...[...open, ...closed, files],
  ];
  for (const [path, page] of pages) {
    for (const method of ["POST", "DELETE", "PUT", "OPTIONS"] as const) {
      if (page.methods.includes(method)) continue;
      const refused = await browser.request(path, { method, headers });
      assert.equal(refused.status, 405, `${method} ${path}`);
      assert.equal(refused.header("allow"), page.methods.join(", "), path);
    }
  }
});

const probes = `/docs /docs/ /swagger /swagger.json /openapi.json /api-docs /redoc /graphql /metrics
/actuator /actuator/env /debug /debug/pprof/ /server-status /server-info /status /nginx_status
/phpinfo.php /wp-login.php /admin /console /.git /.git/config /.git/HEAD /.env /.env.local /.flaskenv
/.svn/entries /.hg/ /.DS_Store /.htaccess /.ssh/id_rsa /.well-known/security.txt /services.json
/package.json /package-lock.json /tsconfig.json /main.ts /nexus.conf /instance/nexus.conf
/instance/tls/key.pem /backup.zip /dump.sql /config.json /master_config.json /static/.env
/static/package.json /static/ /static/global.css.map /static/session_watch.ts /node_modules/undici/
/core/metrics /keycloak/metrics /keycloak/health /keycloak/admin/ /keycloak/.git/config
/keycloak/realms/hivematrix/.env /~root/ /cgi-bin/test /template/.git/config`.split(/\s+/);

/** Names of software, and numbers of versions. */
const banner =
  /^(?:server|x-powered-by|via|x-aspnet\S*|x-generator):|\b(?:node(?:\.?js)?|undici|koa|oidc-provider|keycloak|express|openssl|nginx)\b[/ ]?v?\d/im;

test("R28: what probes look for is not there, with a session or without, and nothing names the software", async (t) => {
  const { nexus } = await startWithEmbeddedProvider(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    const names = {
      server: "gunicorn/1",
      via: "1.1 x",
      "x-powered-by": "PHP/5",
      "x-generator": "y",
    };
    outgoing.writeHead(404, names).end("not here");
  });
  const browser = nexus.openBrowser();
  await browser.submit(await browser.open("/login"), { username: "ada", password: "ada-secret" });
  const cookie = `Cookie: ${browser.sessionCookie?.name}=${browser.sessionCookie?.value}`;
  for (const path of probes) {
    for (const more of [[], [cookie]]) {
      const head = [`GET ${path} HTTP/1.1`, `Host: ${nexus.url.host}`, "Connection: close"];
      const answer = await sendRaw(nexus.url, [...head, ...more]);
      const status = statusOf(answer);
      const isRefused = status >= 400 && status < 500;
      assert.ok(more.length > 0 ? isRefused : isRefused || status === 302, `${path}: ${status}`);
      assert.doesNotMatch(answer, banner, path);
      assert.doesNotMatch(answer, /\bat .*\.ts:\d|node:internal|stack/, path);
    }
  }
  const reached = new Set(nexus.upstream.requests.map(({ target }) => target));
  assert.deepEqual([...reached], ["/.git/config"], "what is below a service is the service's");
});

test("R28: no method that shows or opens anything is there, and no malformed request names the software", async (t) => {
  const { nexus } = await startWithEmbeddedProvider(t);
  const host = `Host: ${nexus.url.host}`;
  const secret = "X-Secret: do-not-echo";
  for (const [line, status] of [
    ["TRACE / HTTP/1.1", 405],
    ["TRACE /template/ HTTP/1.1", 405],
    ["TRACE /keycloak/realms/hivematrix/x HTTP/1.1", 405],
    ["TRACE /static/global.css HTTP/1.1", 405],
    ["TRACK / HTTP/1.1", 400],
    ["DEBUG / HTTP/1.1", 400],
    ["OPTIONS * HTTP/1.1", 400],
    ["GET / HTTP/9.9", 400],
    ["GET /\u0001 HTTP/1.1", 400],
    ["nonsense", 400],
  ] as const) {
    const answer = await sendRaw(nexus.url, [line, host, secret, "Connection: close"]);
    assert.equal(statusOf(answer), status, line);
    assert.doesNotMatch(answer, /do-not-echo/, line);
    assert.doesNotMatch(answer, banner, line);
  }
});
