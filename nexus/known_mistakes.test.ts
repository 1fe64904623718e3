// Mistakes that other gateways have made (their advisories and issues), each as a test of this one.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { WebSocket } from "ws";
import { startForwarding } from "./forward_testing.ts";
import { ada } from "./hostile_provider_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const rules = { helm: { admin_only: true } };

const statusOf = (answer: string) => Number(answer.split(" ", 2)[1]);

const ask = ({ url }: TestNexus, line: string, head: readonly string[]) =>
  sendRaw(url, [line, `Host: ${url.host}`, "Connection: close", ...head]);

test("known mistake: a path in a client's header taken for the one to judge", async (t) => {
  const { nexus, authorization } = await startForwarding(t, { services: rules });
  for (const name of "X-Forwarded-Uri X-Forwarded-Path X-Original-URI X-Original-URL X-Rewrite-URL X-Forwarded-Prefix X-Forwarded-Method X-HTTP-Method-Override".split(
    " ",
  )) {
    for (const spelling of [name, name.toLowerCase(), name.replaceAll("-", "_")]) {
      const head = [`Authorization: ${authorization}`, `${spelling}: /health`];
      assert.equal(statusOf(await ask(nexus, "GET /helm/ HTTP/1.1", head)), 403, spelling);
      const nobody = [`${spelling}: /health`, "Accept: application/json"];
      assert.equal(statusOf(await ask(nexus, "GET /template/ HTTP/1.1", nobody)), 401, spelling);
    }
  }
});

test("known mistake: no sign-in asked of whoever calls himself a health checker", async (t) => {
  const nexus = await startNexus(t);
  for (const agent of [
    "GoogleHC/1.0",
    "kube-probe/1.30",
    "ELB-HealthChecker/2.0",
    "Envoy/HC",
    "UptimeRobot/2.0",
  ]) {
    for (const path of ["/template/", "/template/health", "/api/me", "/"]) {
      const head = [`User-Agent: ${agent}`, "Accept: text/html"];
      const status = statusOf(await ask(nexus, `GET ${path} HTTP/1.1`, head));
      assert.ok(status === 302 || status === 401, `${agent} ${path}: ${status}`);
    }
  }
  assert.equal(nexus.upstream.requests.length, 0);
});

test("known mistake: a fragment or a query that takes part in the rules for paths", async (t) => {
  const { nexus, authorization } = await startForwarding(t, { services: rules });
  const before = nexus.upstream.requests.length;
  for (const target of [
    ..."/helm/?/static/global.css /helm/?/health /helm/?x=/template/ /helm/?/../template/".split(
      " ",
    ),
    ..."/helm?/template/ /helm/?%23/template/ /helm/;/template/".split(" "),
  ]) {
    const status = statusOf(
      await ask(nexus, `GET ${target} HTTP/1.1`, [`Authorization: ${authorization}`]),
    );
    assert.equal(status, 403, target);
    const nobody = statusOf(await ask(nexus, `GET ${target} HTTP/1.1`, ["Accept: */*"]));
    assert.equal(nobody, 302, target);
  }
  for (const target of ["/helm/#/template/", "/static/x#/../helm/", "/health#/helm/"]) {
    assert.equal(statusOf(await ask(nexus, `GET ${target} HTTP/1.1`, [])), 400, target);
  }
  assert.equal(nexus.upstream.requests.length, before);
});

test("known mistake: an identity header of the client's that reaches the service with an underscore", async (t) => {
  const { nexus, authorization } = await startForwarding(t);
  const names =
    "X_Forwarded_User X_Forwarded_Email X_Forwarded_Groups X_Forwarded_Preferred_Username X_Forwarded_For X_Real_IP X-Forwarded_User";
  const head = names.split(" ").map((name) => `${name}: root`);
  await ask(nexus, "GET /template/ HTTP/1.1", [
    ...head,
    `Authorization: ${authorization}`,
    "AUTHORIZATION_: Bearer root",
  ]);
  assert.ok(
    !nexus.upstream.last.rawHeaders.includes("root"),
    nexus.upstream.last.rawHeaders.join(),
  );
});

test("known mistake: an e-mail address with several @ that passes for one of another domain", async (t) => {
  const nexus = await startNexus(t, { services: rules });
  for (const email of [
    "root@admins.example@evil.example",
    '"@admins"@evil.example',
    "a@evil.example@admins",
  ]) {
    const browser = await nexus.signIn({ ...ada, email, preferred_username: email });
    const me = (await browser.request("/api/me")).json();
    assert.equal(me["permission_level"], "technician", "rights come from groups alone");
    assert.equal((await browser.request("/helm/")).status, 403);
  }
});

test("known mistake: a stale session that counts on the sign-in page", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const stale = browser.sessionCookie;
  assert.ok(stale);
  const headers = { "sec-fetch-site": "same-origin" };
  await browser.request("/logout", { method: "POST", headers });
  browser.plant(stale.name, stale.value);
  const begun = await browser.request("/login?next=/template/");
  assert.match(begun.header("location") ?? "", /\/openid-connect\/auth\?/, "it begins anew");
  assert.deepEqual((await browser.request("/api/session")).json(), { active: false });
  assert.equal((await browser.request("/template/")).status, 302);
  await browser.open("/login?next=/template/");
  assert.notEqual(browser.sessionCookie?.value, stale.value);
});

test("known mistake: a return address that is another site by /\\, white space or a look-alike name", async (t) => {
  const nexus = await startNexus(t);
  const { host, hostname } = nexus.url;
  for (const next of [
    "/\\evil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "/\n/evil.example",
    "%2f%2fevil.example",
    "//evil.example",
    "/ /evil.example",
    "\u00a0//evil.example",
    `https://${host}.evil.example/`,
    `https://${hostname}evil.example/`,
    `//${host}@evil.example/`,
    `${nexus.origin}.evil.example/`,
  ]) {
    const page = await nexus.openBrowser().open(`/login?next=${encodeURIComponent(next)}`);
    assert.equal(new URL(page.url).origin, nexus.origin, JSON.stringify(next));
  }
});

test("known mistake: many tabs that sign in at once and fail at each other's state", async (t) => {
  const nexus = await startNexus(t);
  const browser = nexus.openBrowser();
  const paths = Array.from({ length: 12 }, (_, tab) => `/template/?tab=${tab}`);
  const pages = await Promise.all(paths.map((path) => browser.open(path)));
  assert.deepEqual(
    pages.map(({ url }) => url),
    paths.map((path) => nexus.origin + path),
  );
});

test("known mistake: an XMLHttpRequest that is answered with the sign-in page", async (t) => {
  const nexus = await startNexus(t);
  for (const headers of [
    { "x-requested-with": "XMLHttpRequest", "sec-fetch-mode": undefined, accept: "text/html" },
    { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty", accept: "*/*" },
    { "sec-fetch-mode": undefined, accept: "application/json, text/plain, */*" },
    { "sec-fetch-mode": undefined, "hx-request": "true", accept: "*/*" },
  ]) {
    const answer = await nexus.openBrowser().request("/template/", { headers });
    assert.equal(answer.status, 401, JSON.stringify(headers));
    assert.equal(answer.header("location"), undefined);
    assert.match(String(answer.json()["login_url"]), /^\/login/);
  }
});

test("known mistake: WebSockets and event streams that live on after the logout", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  nexus.upstream.answer((_incoming, outgoing) => void outgoing.write("data: 1\n\n"));
  const cookie = `${browser.sessionCookie?.name}=${browser.sessionCookie?.value}`;
  const stream = await fetch(`${nexus.origin}/template/events`, { headers: { cookie } });
  const reader = stream.body?.getReader();
  assert.ok((await reader?.read())?.value);
  const ended = assert.rejects(async () => {
    while (!(await reader?.read())?.done);
  });
  const headers = { "sec-fetch-site": "same-origin" };
  await browser.request("/logout", { method: "POST", headers });
  await ended;
});

test("known mistake: the gateway's cookies sent on to every service", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await browser.openUntil(/keycloak-callback/, "/login");
  browser.plant("theme", "dark");
  await browser.request("/template/");
  assert.deepEqual(nexus.upstream.last.headers("cookie"), ["theme=dark"]);
});

test("known mistake: sessions that are lost when the gateway is restarted", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await nexus.restart();
  assert.equal((await browser.request("/template/")).status, 200);
});

test("known mistake: requests at the same moment that race for a new token and sign the person out", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const before = browser.sessionCookie?.value;
  for (let round = 0; round < 3; round++) {
    // Right after a restart nothing is known of the session yet, so all of them ask.
    await nexus.restart();
    const pages = await Promise.all(
      Array.from({ length: 40 }, () => browser.request("/template/")),
    );
    assert.deepEqual(new Set(pages.map(({ status }) => status)), new Set([200]));
    assert.ok(pages.every(({ setCookies }) => setCookies.length === 0));
  }
  assert.equal(browser.sessionCookie?.value, before);
});

test("known mistake: sockets that stay behind when a service refuses to upgrade", async (t) => {
  const { nexus, authorization } = await startForwarding(t);
  const address = `${nexus.origin.replace("http", "ws")}/template/live`;
  const answers = ["end", "hang", "cut"];
  let asked = 0;
  nexus.upstream.answer((_incoming, outgoing) => {
    const how = answers[asked++ % answers.length];
    if (how === "cut") outgoing.destroy();
    else if (how === "end") outgoing.writeHead(403).end("no");
    else outgoing.writeHead(200).write("no end");
  });
  const openSockets = () =>
    process.getActiveResourcesInfo().filter((kind) => /TCPSocket/.test(kind)).length;
  const before = openSockets();
  for (let round = 0; round < 10; round++) {
    const sockets = Array.from({ length: 30 }, () => {
      const socket = new WebSocket(address, { headers: { authorization } });
      socket.on("error", () => {});
      return socket;
    });
    const refusals = sockets.map(async (socket) => {
      const [, response] = await once(socket, "unexpected-response");
      // As a browser does, which reads no more of a refused handshake.
      response.destroy();
    });
    await Promise.all(refusals);
    for (const socket of sockets) socket.terminate();
  }
  assert.equal(asked, 300);
  const what = "sockets closed at both sides";
  await waitFor(() => openSockets() <= before + 5, { what, timeoutMs: 5000 });
});

test("known mistake: a refused upgrade whose endless answer lives on after the logout", async (t) => {
  const { nexus, authorization } = await startForwarding(t);
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(200);
    const more = setInterval(() => outgoing.write("no end"), 50);
    outgoing.once("close", () => clearInterval(more));
  });
  const address = `${nexus.origin.replace("http", "ws")}/template/live`;
  const socket = new WebSocket(address, { headers: { authorization } });
  socket.on("error", () => {});
  const [, response] = await once(socket, "unexpected-response");
  response.resume().on("error", () => {});
  await nexus.core.post("/api/token/revoke", { token: authorization.replace("Bearer ", "") });
  await waitFor(() => response.destroyed && nexus.upstream.last.outgoing.destroyed);
});
