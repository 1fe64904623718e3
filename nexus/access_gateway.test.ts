// The rules of services.json at the running gateway: every rule, every level, every kind of request.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import { type PermissionLevel, permissionLevels } from "@hivematrix/lib/token_verifier";
import { waitFor } from "@hivematrix/lib/wait_for";
import { WebSocket, WebSocketServer } from "ws";
import type { TestBrowser } from "./browser_testing.ts";
import { ada } from "./hostile_provider_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const groupOf: Readonly<Record<PermissionLevel, string[]>> = {
  admin: ["admins"],
  technician: ["technicians"],
  billing: ["billing"],
  client: [],
};

const all = permissionLevels;
const rules: Readonly<
  Record<string, { entry: Partial<ServiceEntry>; open: readonly PermissionLevel[]; rule: string }>
> = {
  plain: { entry: {}, open: all, rule: "" },
  hidden: { entry: { visible: false }, open: all, rule: "" },
  unruled: { entry: { admin_only: false, billing_or_admin_only: false }, open: all, rule: "" },
  admins: { entry: { admin_only: true }, open: ["admin"], rule: "admin_only" },
  money: {
    entry: { billing_or_admin_only: true },
    open: ["admin", "billing"],
    rule: "billing_or_admin_only",
  },
  bench: {
    entry: { allowed_levels: ["technician"] },
    open: ["technician"],
    rule: "allowed_levels",
  },
  most: {
    entry: { allowed_levels: ["admin", "technician", "billing"] },
    open: ["admin", "technician", "billing"],
    rule: "allowed_levels",
  },
  nobody: { entry: { allowed_levels: [] }, open: [], rule: "allowed_levels" },
};

const entries = (url?: string) =>
  Object.fromEntries(
    Object.entries(rules).map(([name, { entry }]) => [name, { ...(url && { url }), ...entry }]),
  );

const signIn = (nexus: TestNexus, level: PermissionLevel) =>
  nexus.signIn({ ...ada, sub: `${level}-sub`, groups: groupOf[level] });

/** @returns 101, or the status of the refusal */
async function openSocket(nexus: TestNexus, browser: TestBrowser, name: string): Promise<number> {
  const cookie = browser.cookies.map((kept) => `${kept.name}=${kept.value}`).join("; ");
  const socket = new WebSocket(`${nexus.origin.replace("http", "ws")}/${name}/live`, {
    headers: { cookie },
    origin: nexus.origin,
  });
  socket.on("error", () => {});
  const status = await Promise.race([
    once(socket, "open").then(() => 101),
    once(socket, "unexpected-response").then(([, response]) => {
      response.resume();
      return response.statusCode as number;
    }),
  ]);
  socket.terminate();
  return status;
}

test("every rule lets in its levels and nobody else, by page, by script, by POST and by WebSocket", async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(sockets, "listening");
  t.after(() => sockets.close());
  const { port } = sockets.address() as { port: number };
  const nexus = await startNexus(t, { services: entries() });
  const live = await startNexus(t, { services: entries(`http://127.0.0.1:${port}`) });
  nexus.upstream.answer((incoming, outgoing) => {
    incoming.resume().once("end", () => outgoing.end("reached"));
  });
  for (const level of all) {
    const browser = await signIn(nexus, level);
    const liveBrowser = await signIn(live, level);
    for (const [name, { open, rule }] of Object.entries(rules)) {
      const what = `${level} at ${name}`;
      const isOpen = open.includes(level);
      const before = nexus.upstream.requests.length;
      const page = await browser.request(`/${name}/`);
      assert.equal(page.status, isOpen ? 200 : 403, what);
      const script = { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" };
      const headers = { ...script, "sec-fetch-site": "same-origin" };
      for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] as const) {
        const answer = await browser.request(`/${name}/api/x`, { method, headers });
        assert.equal(answer.status, isOpen ? 200 : 403, `${method} by ${what}`);
        if (isOpen || method !== "POST") continue;
        const problem = answer.json();
        assert.equal(problem["rule"], rule, what);
        assert.deepEqual(problem["required_levels"], open, what);
        assert.equal(problem["permission_level"], level, what);
      }
      if (!isOpen) {
        assert.ok(page.body.includes(`&quot;${rule}&quot;`), `${what}: the page names the rule`);
        const needed = `needs permission level ${open.join(" or ") || "nobody"}`;
        assert.ok(page.body.includes(needed), `${what}: ${page.body}`);
        assert.ok(
          page.body.includes(`yours is ${level}`),
          `${what}: the page names one's own level`,
        );
        assert.match(page.body, /administrator can/, "the page says who may change that");
      }
      assert.equal(nexus.upstream.requests.length - before, isOpen ? 7 : 0, what);
      assert.equal(await openSocket(live, liveBrowser, name), isOpen ? 101 : 403, what);
    }
  }
});

test("navigation shows each level what is open to it, and nothing else", async (t) => {
  const nexus = await startNexus(t, { services: entries() });
  for (const level of all) {
    const browser = await signIn(nexus, level);
    const expected = Object.entries(rules)
      .filter(([name, { open }]) => open.includes(level) && name !== "hidden")
      .map(([name]) => name);
    for (const path of ["/", "/template/"]) {
      const { body } = await browser.request(path);
      const links = [...body.matchAll(/href="&#x2F;([a-z]+)&#x2F;"/g)].map(([, name]) => name);
      assert.deepEqual(new Set(links), new Set([...expected, "template"]), `${level} at ${path}`);
    }
  }
});

test("a changed rule counts within a second, for requests and for navigation, without a restart", async (t) => {
  const nexus = await startNexus(t, { services: { ledger: {} } });
  const browser = await signIn(nexus, "client");
  const isShown = async () => (await browser.request("/template/")).body.includes("ledger&#x2F;");
  assert.equal((await browser.request("/ledger/")).status, 200);
  assert.equal(await isShown(), true);
  // A second, and as much again for a machine that is busy with other tests.
  const within = { timeoutMs: 2000 };
  nexus.changeServices({ ledger: { billing_or_admin_only: true } });
  await waitFor(async () => (await browser.request("/ledger/")).status === 403, within);
  assert.equal(await isShown(), false);
  nexus.changeServices({ ledger: { allowed_levels: ["client"] } });
  await waitFor(async () => (await browser.request("/ledger/")).status === 200, within);
  assert.equal(await isShown(), true);
  nexus.changeServices({});
  await waitFor(async () => (await browser.request("/ledger/")).status === 404, within);
});
