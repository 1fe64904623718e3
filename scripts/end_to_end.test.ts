// The platform as its users meet it: started by the one command, opened in a real browser.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import type { Browser, Page } from "playwright-core";
import { Agent, request } from "undici";
import { TestBrowser } from "../nexus/browser_testing.ts";
import {
  keepScreenshots,
  newVisitor,
  skipWithoutChromium,
  startBrowser,
} from "./browser_testing.ts";
import { visitEveryPage } from "./every_page_testing.ts";
import { findIntruders, signInPeople } from "./faults/part_actors.ts";
import { PartLoad } from "./faults/part_load.ts";
import { restartOf } from "./faults/part_steps.ts";
import { runRestartLoad } from "./faults/restart_load.ts";
import { signInTo } from "./faults/sign_in_to.ts";
import { makeFlaskRepository, skipWithoutFlask } from "./flask_app_testing.ts";
import { type Platform, startPlatform } from "./platform_testing.ts";

const parts = ["postgres", "keycloak", "core", "nexus", "helm", "template"];

describe("the platform, started by one command", () => {
  let platform: Platform;
  let browser: Browser;
  const cleanUps: (() => unknown)[] = [];
  const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };

  before(async () => {
    platform = await startPlatform(scope);
    if (!skipWithoutChromium) browser = await startBrowser(scope);
  });
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  test("start.sh ends with every service ready and says where to go and how to sign in", async () => {
    assert.match(platform.output, /admin/);
    const status = await platform.status();
    for (const name of parts) {
      const line = status.get(name);
      assert.equal(line?.state, "ready", `${name}: ${JSON.stringify(line)}`);
      assert.ok((line.pid ?? 0) > 1 && (line.port ?? 0) > 0 && (line.memoryBytes ?? 0) > 1e6);
      assert.equal(typeof line.uptimeSeconds, "number");
    }
  });

  test("start.sh run again keeps what runs", async () => {
    const pids = async () => [...(await platform.status()).values()].map(({ pid }) => pid);
    const before = await pids();
    const again = await platform.start();
    assert.equal(again.status, 0, again.output);
    assert.ok(again.output.includes(platform.origin), again.output);
    assert.deepEqual(await pids(), before);
  });

  test("without a session a page leads to the sign-in and an API call learns where it is", async () => {
    const page = await get(platform, "/template/?page=1", { accept: "text/html" });
    assert.equal(page.status, 302);
    assert.match(page.headers["location"] as string, /^\/login\?next=%2Ftemplate%2F%3Fpage%3D1$/);
    const api = await get(platform, "/template/api/notes", {});
    assert.equal(api.status, 401);
    assert.equal(api.headers["content-type"], "application/problem+json");
    assert.equal(JSON.parse(api.text).login_url, "/login?next=%2Ftemplate%2Fapi%2Fnotes");
    const plain = await get(platform, "/template/", {});
    assert.equal(plain.status, 302);
  });

  test("a person signs in, works, finds the work again after a restart, and signs out", {
    skip: skipWithoutChromium,
  }, async () => {
    const visitor = await newVisitor(browser);
    const page = await visitor.newPage();
    await page.goto(`${platform.origin}/template/?from=a%20link`);
    await keepScreenshots(page, "sign-in");
    await signIn(page);
    assert.equal(page.url(), `${platform.origin}/template/?from=a%20link`);
    const panel = page.locator(".side-panel");
    await panel.getByText("admin", { exact: true }).first().waitFor();

    await addNote(page, "Buy honey");
    await keepScreenshots(page, "notes");
    await keepDarkScreenshot(page, "notes");

    const restarted = await platform.helm("restart");
    assert.equal(restarted.status, 0, restarted.output);
    await page.goto(`${platform.origin}/template/`);
    await page.getByText("Buy honey").waitFor();

    await page.goto(`${platform.origin}/`);
    await keepScreenshots(page, "home");
    await page.goto(`${platform.origin}/helm/`);
    await page.locator("table").getByText("template").first().waitFor();
    await keepScreenshots(page, "helm");
    await keepDarkScreenshot(page, "helm");
    for (const path of ["/", "/template/", "/template/admin/settings", "/helm/"]) {
      await page.setViewportSize({ width: 360, height: 800 });
      await page.goto(platform.origin + path);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(width) <= 360, `${path} is ${width} px wide on a screen of 360`);
    }
    await page.goto(`${platform.origin}/template/admin/settings`);
    await keepScreenshots(page, "template-admin");

    const session = (await visitor.cookies()).find(({ name }) => name.includes("session"));
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByText("You are signed out").waitFor();
    await keepScreenshots(page, "signed-out");

    await page.goBack();
    await page.waitForLoadState();
    assert.doesNotMatch(await page.content(), /Buy honey/, "R8: the back button shows nothing");
    const replayed = await get(platform, "/template/", {
      accept: "text/html",
      cookie: `${session?.name}=${session?.value}`,
    });
    assert.equal(replayed.status, 302, "R8: a kept cookie is worth nothing after the logout");

    await page.goto(`${platform.origin}/template/`);
    await page.getByLabel(/password/i).waitFor();
    await visitor.close();
  });

  test("a wrong password, a cancelled and a repeated sign-in each get a page that helps", {
    skip: skipWithoutChromium,
  }, async () => {
    const visitor = await newVisitor(browser);
    const page = await visitor.newPage();
    let callback = "";
    page.on("request", (sent) => {
      if (sent.url().includes("/keycloak-callback")) callback = sent.url();
    });
    await page.goto(`${platform.origin}/template/`);
    await signIn(page, "wrong");
    await page.locator(".alert--error").waitFor();
    await keepScreenshots(page, "wrong-password");

    await page.getByRole("button", { name: /cancel/i }).click();
    await page.getByText("Sign-in cancelled").waitFor();
    await keepScreenshots(page, "cancelled");

    await page.getByRole("link", { name: "Sign in again" }).click();
    await signIn(page);
    await page.waitForURL(/\/template\/$/);
    await page.goto(callback);
    await page.getByText("This sign-in link no longer works").waitFor();
    await keepScreenshots(page, "reused-callback");
    await visitor.close();
  });

  test("ten tabs that begin to sign in at once all land on their own pages", {
    skip: skipWithoutChromium,
  }, async () => {
    const visitor = await newVisitor(browser);
    const tabs = await Promise.all(Array.from({ length: 10 }, () => visitor.newPage()));
    const address = (tab: number) => `${platform.origin}/template/?tab=${tab}`;
    await Promise.all(tabs.map((page, tab) => page.goto(address(tab))));
    for (const page of tabs) await page.getByLabel(/password/i).waitFor();
    await Promise.all(tabs.map((page) => signIn(page)));
    for (const [tab, page] of tabs.entries()) {
      await page.waitForURL(address(tab)).catch(async (error: Error) => {
        const text = (await page.textContent("body"))?.replace(/\s+/g, " ").slice(0, 300);
        throw new Error(`Tab ${tab} is at ${page.url()} with "${text}"`, { cause: error });
      });
    }
    await visitor.close();
  });

  test("R11, R35: Helm lists and ends sessions and rotates keys while people work", {
    skip: skipWithoutChromium,
  }, async () => {
    const visitor = await newVisitor(browser);
    const page = await visitor.newPage();
    await page.goto(`${platform.origin}/sessions`);
    await signIn(page);
    await page.getByText("this one").waitFor();
    await keepScreenshots(page, "sessions");
    const rotated = await platform.helm("keys", "rotate");
    assert.equal(rotated.status, 0, rotated.output);
    await page.goto(`${platform.origin}/template/`);
    assert.equal(page.url(), `${platform.origin}/template/`, "the old key's token still counts");

    const listed = await platform.helm("sessions", "list", "admin");
    assert.match(listed.output, /admin +admin/);
    const ended = await platform.helm("sessions", "revoke-all", "admin");
    assert.equal(ended.status, 0, ended.output);
    await page.goto(`${platform.origin}/template/`);
    await page.getByLabel(/password/i).waitFor();
    await visitor.close();
  });

  test("R11: an administrator ends a session on the dashboard, then their own", {
    skip: skipWithoutChromium,
  }, async () => {
    const visitors = [await newVisitor(browser), await newVisitor(browser)] as const;
    const [page, other] = [await visitors[0].newPage(), await visitors[1].newPage()];
    for (const each of [page, other]) {
      await each.goto(`${platform.origin}/helm/sessions`);
      await signIn(each);
      await each.getByText("Everybody's sessions").waitFor();
    }
    await page.reload();
    await keepScreenshots(page, "helm-sessions");
    await keepDarkScreenshot(page, "helm-sessions");
    const endOf = (isOwn: boolean) => {
      const own = page.getByText("this one");
      const item = page.locator(".item-list__item");
      return item.filter(isOwn ? { has: own } : { hasNot: own }).getByRole("link", { name: "End" });
    };
    await endOf(false).click();
    await page.getByRole("button", { name: "End" }).click();
    await page.getByRole("status").waitFor();
    await other.goto(`${platform.origin}/template/`);
    await other.getByLabel(/password/i).waitFor();

    await endOf(true).click();
    await keepScreenshots(page, "helm-end-session");
    await page.getByRole("button", { name: "End" }).click();
    await page.getByText("You are signed out").waitFor();
    await page.goto(`${platform.origin}/helm/sessions`);
    await page.getByLabel(/password/i).waitFor();
    for (const visitor of visitors) await visitor.close();
  });

  test("`helm new` makes a service that is there at once, and packages still install", async () => {
    const made = await platform.helm("new", "time_sheets");
    assert.equal(made.status, 0, made.output);
    assert.equal((await platform.status()).get("time_sheets")?.state, "ready");
    const page = await get(platform, "/time_sheets/", { accept: "text/html" });
    assert.equal(page.headers["location"], "/login?next=%2Ftime_sheets%2F");

    const cookie = await signInTo(new TestBrowser(platform.origin));
    const asked = await get(platform, "/template/admin/service-call?target=time_sheets", {
      cookie,
    });
    assert.match(asked.text, /time_sheets/);
    const trace = await traceRequest(platform, "/template/admin/service-call", 3);
    assert.deepEqual(
      trace.map(({ service, path }) => [service, path]),
      [
        ["nexus", "/template/admin/service-call"],
        ["template", "/admin/service-call"],
        ["time_sheets", "/api/data"],
      ],
    );

    const again = await platform.helm("new", "time_sheets");
    assert.equal(again.status, 1);
    assert.match(again.output, /Cannot make the app "time_sheets"/);
    const checked = await platform.helm("check", "template", "time_sheets");
    assert.equal(checked.status, 0, checked.output);
  });

  test("everybody can use every page, wide and narrow, light and dark", {
    skip: skipWithoutChromium,
  }, async () => {
    await visitEveryPage(platform, browser);
  });

  test("an app in Python is installed from its repository, works like any other, and goes again", {
    skip: skipWithoutFlask,
  }, async () => {
    const repository = makeFlaskRepository(scope);
    const made = await platform.helm("install", repository, "--ref", "v1");
    assert.equal(made.status, 0, made.output);
    assert.match(made.output, /Prepared with Python 3/);
    assert.match(made.output, /It is ready\./);

    const cookie = await signInTo(new TestBrowser(platform.origin));
    const page = await get(platform, "/ledger/", { accept: "text/html", cookie });
    assert.equal(page.status, 200, page.text);
    assert.match(page.text, /Hello, .*Admin.*!.*href="\/ledger\/api\/data"/s);
    // An icon travels as a character reference.
    assert.match(page.text, /side-panel__icon" [^>]*>&#167;<.*side-panel__label">Ledger</);
    const called = await get(platform, "/ledger/api/notes", { cookie });
    assert.match(called.text, /ledger/, "Template says who has called it");
    assert.equal((await get(platform, "/ledger/api/data", {})).status, 401);

    const token = await serviceToken(platform, "template", "ledger");
    const { port } = (await platform.status()).get("ledger") ?? {};
    const answer = await fetch(`http://127.0.0.1:${port}/api/data`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.deepEqual(await answer.json(), { caller: "template" });
    const apps = JSON.parse((await platform.helm("apps", "--json")).output) as { name: string }[];
    const ledger = apps.find(({ name }) => name === "ledger") as Record<string, unknown>;
    assert.deepEqual([ledger["state"], ledger["ref"]], ["ready", "v1"]);
    assert.deepEqual((ledger["git"] as { changed: string[] }).changed, []);

    // The contract's decorator looks at signature, issuer and end, not at whom the token is meant for.
    const checked = await platform.helm("check", "ledger", "--json");
    const [{ checks }] = JSON.parse(checked.output) as [{ checks: Record<string, string>[] }];
    const lacking = checks.filter(({ outcome }) => outcome !== "ok").map(({ check }) => check);
    assert.deepEqual([checked.status, lacking], [1, ["refuses another service's token"]]);

    const gone = await platform.helm("uninstall", "ledger", "--delete-data", "--yes");
    assert.equal(gone.status, 0, gone.output);
    assert.equal((await get(platform, "/ledger/", { cookie })).status, 404);
    assert.equal((await platform.status()).get("ledger"), undefined);
  });

  test("a restart of Template fails no request, new or kept connections, reads or writes", async () => {
    const before = (await platform.status()).get("template")?.pid;
    const figures = await runRestartLoad({
      origin: platform.origin,
      cookie: await signInTo(new TestBrowser(platform.origin)),
      requests: 2000,
      clients: 6,
      meanwhile: async () => {
        const restarted = await platform.helm("restart", "template");
        assert.equal(restarted.status, 0, restarted.output);
      },
    });
    assert.deepEqual(figures.failures, []);
    assert.ok(figures.requests >= 2000 && figures.writes > 100 && figures.newConnections > 100);
    assert.notEqual((await platform.status()).get("template")?.pid, before);
  });

  test("R25: restarts of Core, Nexus and Helm under load sign nobody out, let nobody in and lose no write", async (t) => {
    const people = await signInPeople(platform, ["grace"]);
    const load = new PartLoad(platform.origin, await findIntruders(platform, people[0]));
    await load.begin(people);
    for (const step of [restartOf("core"), restartOf("nexus"), restartOf("helm")]) {
      await load.during(step.name, step.closesNexus, () => step.act(platform));
    }
    const { faults, steps, ...figures } = await load.end();
    assert.deepEqual(faults, []);
    const byName = new Map(steps.map((step) => [step.step, step]));
    // Else nothing was tried.
    assert.ok((byName.get("restart core")?.troubles["503"] ?? 0) > 0);
    assert.ok(steps.every(({ refusals, step }) => refusals > 0 || step === "before"));
    const nexus = byName.get("restart nexus");
    if (!restartOf("nexus").closesNexus) assert.deepEqual(nexus?.troubles, {});
    t.diagnostic(JSON.stringify({ ...figures, steps }));
  });

  test("R28: Helm learns of the requests from Nexus, and /metrics is for this machine alone", async () => {
    const cookie = await signInTo(new TestBrowser(platform.origin));
    await get(platform, "/template/", { cookie });
    const { port } = (await platform.status()).get("helm") ?? {};
    const readMetrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    // Nexus tells every ten seconds.
    const counted = /^hivematrix_service_requests_total\{service="template"\} [1-9]/m;
    await waitFor(async () => counted.test(await readMetrics()), { timeoutMs: 20_000 });
    const { text } = await get(platform, "/helm/api/figures", { cookie });
    const figures = JSON.parse(text) as { name: string; traffic?: { requests: number } }[];
    assert.ok((figures.find(({ name }) => name === "template")?.traffic?.requests ?? 0) > 0, text);
    assert.equal((await get(platform, "/helm/metrics", { cookie })).status, 404);
  });

  test("R25: each part that is killed costs its own function, and comes back by itself", async () => {
    for (const name of ["template", "keycloak", "core", "nexus", "postgres"]) {
      const { pid } = (await platform.status()).get(name) ?? {};
      assert.ok(pid, `${name} has a process`);
      process.kill(pid, "SIGKILL");
      await waitFor(
        async () => {
          const line = (await platform.status()).get(name);
          return line?.state === "ready" && line.pid !== pid;
        },
        { timeoutMs: 60_000, what: `${name} to be back` },
      );
    }
    const page = await waitFor(
      async () => {
        const answer = await get(platform, "/login", { accept: "text/html" });
        return answer.status === 302 ? answer : undefined;
      },
      { what: "the sign-in to be back" },
    );
    assert.match(page.headers["location"] as string, /openid-connect\/auth/);
  });

  test("killing Helm costs nothing, and the next `helm up` adopts what runs", async () => {
    const before = await platform.status();
    process.kill(before.get("helm")?.pid ?? 0, "SIGKILL");
    const whileGone = await get(platform, "/login", {});
    assert.equal(whileGone.status, 302);
    const up = await platform.helm("up", "--detach");
    assert.equal(up.status, 0, up.output);
    const after = await platform.status();
    for (const name of parts.filter((part) => part !== "helm")) {
      assert.equal(after.get(name)?.pid, before.get(name)?.pid, `${name} was adopted, not doubled`);
      assert.equal(after.get(name)?.state, "ready");
    }
  });

  test("R5: no secret of the installation stands in any log", () => {
    const secrets = [
      platform.read("system.secret_key"),
      platform.read("keycloak.client_secret"),
      platform.read("databases.postgresql.admin_password"),
      ...["core", "nexus", "template", "helm"].map((app) =>
        platform.read(`apps.${app}.service_secret`),
      ),
    ];
    const folder = join(platform.folder, "helm/instance/logs");
    for (const file of readdirSync(folder)) {
      const text = readFileSync(join(folder, file), "utf8");
      for (const secret of secrets) assert.ok(!text.includes(secret), `${file} holds a secret`);
      // A token of any kind: three base64url parts, the first an encoded JSON object.
      assert.doesNotMatch(text, /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/, file);
    }
  });

  test("`helm down` leaves no process", async () => {
    const pids = [...(await platform.status()).values()].flatMap(({ pid }) => pid ?? []);
    assert.ok(pids.length >= parts.length);
    const down = await platform.helm("down");
    assert.equal(down.status, 0, down.output);
    const left = pids.filter((pid) => !isGone(pid));
    assert.deepEqual(left, []);
  });
});

/** Ended; an adopted process may wait a moment for the machine's init to read its status. */
function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

async function signIn(page: Page, password = "admin"): Promise<void> {
  await page.getByLabel(/user ?name/i).fill("admin");
  await page.getByLabel(/password/i).fill(password);
  await page.getByRole("button", { name: /sign in/i }).click();
  await page.waitForLoadState();
}

async function addNote(page: Page, text: string): Promise<void> {
  const form = page.locator("form", {
    has: page.locator("textarea, input[type=text], input:not([type])"),
  });
  await form.locator("textarea, input[type=text], input:not([type])").first().fill(text);
  await form.getByRole("button").first().click();
  await page.getByText(text).first().waitFor();
}

async function keepDarkScreenshot(page: Page, name: string): Promise<void> {
  await page.emulateMedia({ colorScheme: "dark" });
  await keepScreenshots(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
}

/** A client that is no browser; self-signed certificates on loopback are accepted. */
const client = new Agent({ connect: { rejectUnauthorized: false } });

/** As the service itself would ask Core for one. */
async function serviceToken(platform: Platform, from: string, to: string): Promise<string> {
  const credential = `${from}:${platform.read(`apps.${from}.service_secret`)}`;
  const answer = await fetch(`http://127.0.0.1:${platform.read("apps.core.port")}/service-token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(credential).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ calling_service: from, target_service: to }),
  });
  return ((await answer.json()) as { token: string }).token;
}

async function get(platform: Platform, path: string, headers: Record<string, string>) {
  const {
    statusCode,
    headers: answered,
    body,
  } = await request(platform.origin + path, {
    headers,
    dispatcher: client,
  });
  return { status: statusCode, headers: answered, text: await body.text() };
}

/** The way of the newest request whose line at Nexus has a text, as soon as all parts have logged theirs. */
async function traceRequest(platform: Platform, text: string, parts: number) {
  const filter = ["nexus", "--grep", text, "--lines", "1", "--json"];
  let spans: { service: string; path: string }[] = [];
  const isWhole = async () => {
    const { output: line } = await platform.helm("logs", ...filter);
    if (!line.includes(text)) return false;
    const { status, output } = await platform.helm("trace", JSON.parse(line).request_id, "--json");
    if (status === 0) ({ spans } = JSON.parse(output));
    return spans.length >= parts;
  };
  await waitFor(isWhole, { timeoutMs: 30_000, what: `the ${parts} parts of ${text}` });
  return spans;
}
