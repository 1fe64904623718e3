import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import test from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { parse } from "parse5";
import { createHelmAuth } from "../control/helm_auth.ts";
import { startTestDaemon } from "../control/testing.ts";
import { Figures } from "../figures/figures.ts";
import { LogStore } from "../logs/log_store.ts";
import { createDashboard } from "./dashboard.ts";

test("R22: no route of Helm answers without an administrator's token, but /health", async (t) => {
  const { ask, core, platform, installs, log } = await startTestDaemon(t);
  const auth = createHelmAuth(platform.config);
  const figures = new Figures(platform, log);
  const logs = new LogStore(platform, log);
  const { routes } = createDashboard({ platform, installs, log, auth, figures, logs });
  const callers = {
    nobody: undefined,
    "a technician": await core.userToken({ permission_level: "technician" }),
    "a client": await core.userToken({ permission_level: "client" }),
    "a service": await core.serviceToken("template", "helm"),
    "another service's caller": await core.serviceToken("template", "core"),
  };
  const open = [];
  for (const { method, path } of routes) {
    const values = { name: "alpha", action: "stop", id: "0".repeat(64), group: "billing" };
    const target = path.replace(
      /:(name|action|id|group)\b/g,
      (_, key: keyof typeof values) => values[key],
    );
    for (const [caller, token] of Object.entries(callers)) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const { status } = await ask(target, { method, headers });
      if (status >= 200 && status < 400) open.push(`${caller}: ${method} ${path}`);
    }
  }
  assert.deepEqual(
    open,
    Object.keys(callers).map((caller) => `${caller}: GET /health`),
  );
  await platform.waitUntilReady();
});

test("the page shows every service with its state, and its links lead through Nexus", async (t) => {
  const { askAsAdmin, platform } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const response = await askAsAdmin("/");
  assert.equal(response.status, 200);
  const page = (await response.text()).replaceAll("&#x2F;", "/");
  const errors: string[] = [];
  parse(page, { onParseError: ({ code }) => errors.push(code) });
  assert.deepEqual(errors, []);
  for (const name of ["alpha", "beta", "helm"]) assert.match(page, rowOf(name, "ready"));
  assert.match(page, /action="\/helm\/services\/alpha\/restart"/);
  assert.match(page, /src="\/helm\/static\/dashboard\.js"/);
  assert.doesNotMatch(page, / style=|<style|<script>/);
});

test("a service is stopped and started by the page's forms", async (t) => {
  const { askAsAdmin, platform, log } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const post = (action: string) => askAsAdmin(`/services/beta/${action}`, { method: "POST" });
  const stopped = await post("stop");
  assert.equal(stopped.status, 303);
  assert.equal(stopped.headers.get("location"), "/helm/");
  await waitFor(async () => rowOf("beta", "stopped").test(await (await askAsAdmin("/")).text()));
  assert.equal((await post("start")).status, 303);
  await waitFor(async () => rowOf("beta", "ready").test(await (await askAsAdmin("/")).text()));
  const noted = log.lines.filter((line) => line.includes('"service action"'));
  assert.match(noted.join(), /"action":"stop".*"by":"ada"/);
});

test("what cannot be done is refused with the reason", async (t) => {
  const { askAsAdmin, platform } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const post = async (path: string) => {
    const response = await askAsAdmin(path, { method: "POST" });
    return [response.status, JSON.parse(await response.text()).detail];
  };
  assert.deepEqual(await post("/api/services/gamma/stop"), [404, 'There is no service "gamma"']);
  assert.deepEqual(await post("/api/services/beta/explode"), [404, 'There is no action "explode"']);
  const refused = "Cannot stop helm from here while it is ready";
  assert.deepEqual(await post("/api/services/helm/stop"), [409, refused]);
});

test("one service's page has its figures and the end of its log, as text", async (t) => {
  const { askAsAdmin, platform } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const page = await (await askAsAdmin("/services/beta")).text();
  const links = page.replaceAll("&#x2F;", "/");
  assert.match(links, /<dt>Needs<\/dt><dd><a href="\/helm\/services\/alpha">alpha<\/a>/);
  assert.match(page, /<pre class="code[^>]*>I am beta &lt;b&gt;<\/pre>/);
  assert.doesNotMatch(page, / style=|<style|<script>/);
  const errors: string[] = [];
  parse(page, { onParseError: ({ code }) => errors.push(code) });
  assert.deepEqual(errors, []);
  const alpha = (await (await askAsAdmin("/services/alpha")).text()).replaceAll("&#x2F;", "/");
  assert.match(alpha, /<dt>Is needed by<\/dt><dd><a href="\/helm\/services\/beta">beta<\/a>/);
  assert.equal((await askAsAdmin("/services/gamma")).status, 404);
  assert.equal((await askAsAdmin("/services/beta?hours=3")).status, 400);
});

test("a browser that listens hears of a change, and the stream ends with Helm", async (t) => {
  const { askAsAdmin, platform, close } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const response = await askAsAdmin("/api/services/events");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const heard: string[] = [];
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) heard.push(decoder.decode(chunk));
  })();
  await waitFor(() => heard.join("").includes('"name":"beta","state":"ready"'));
  await platform.stop("beta");
  await waitFor(() => heard.join("").includes('"name":"beta","state":"stopped"'));
  assert.match(
    heard[0] ?? "",
    /^event: services\ndata: \[.*\]\n\nevent: platform\ndata: \{.*\}\n\n$/,
  );
  await close({ keepServices: false });
  await reading;
});

test("the stream ends with the token that opened it", async (t) => {
  const { ask, core, platform } = await startTestDaemon(t);
  await platform.waitUntilReady();
  const exp = Math.floor(Date.now() / 1000) + 2;
  const token = await core.userToken({ permission_level: "admin", exp });
  const headers = { authorization: `Bearer ${token}` };
  const response = await ask("/api/services/events", { headers });
  for await (const _ of response.body ?? []) assert.ok(Date.now() < (exp + 5) * 1000);
  assert.ok(Date.now() >= exp * 1000 - 50);
});

test("the script is served as a script and nothing else", async (t) => {
  const { askAsAdmin } = await startTestDaemon(t);
  const { headers, status } = await askAsAdmin("/static/dashboard.js");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
});

test("a browser at Helm's own port is sent to the page behind Nexus; a program is not", async (t) => {
  const { ask } = await startTestDaemon(t);
  const locationOf = async (path: string, headers: Record<string, string>) =>
    (await ask(path, { headers })).headers.get("location");
  const browser = { accept: "text/html,application/xhtml+xml" };
  assert.equal(await locationOf("/", browser), "http://localhost:28000/helm/");
  const page = await locationOf("/services/alpha?x=1", browser);
  assert.equal(page, "http://localhost:28000/helm/services/alpha?x=1");
  assert.equal(await locationOf("/helm/", browser), "http://localhost:28000/helm/");
  assert.equal(await locationOf("/", {}), null);
  assert.equal((await ask("/health", { headers: browser })).status, 200);
  assert.equal(
    (await ask("/services/alpha/stop", { method: "POST", headers: browser })).status,
    401,
  );
});

test("a broken master configuration is shown on the page, and what runs goes on", async (t) => {
  const { askAsAdmin, platform } = await startTestDaemon(t);
  await platform.waitUntilReady();
  await writeFile(platform.checkout.masterConfigFile, "{ broken");
  const page = await (await askAsAdmin("/")).text();
  assert.match(page, /<div class="alert alert--error"[^>]*><p>Cannot read .*line 1, column 3/);
  assert.match(page, rowOf("alpha", "ready"));
});

/** The table's row of a service in a state. */
function rowOf(name: string, state: string): RegExp {
  return new RegExp(`data-service="${name}">(?:(?!</tr>)[^])*data-field="state">${state}<`);
}
