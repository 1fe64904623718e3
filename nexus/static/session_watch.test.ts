// What an open page says of its session, in a real browser.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { newVisitor, skipWithoutChromium, startBrowser } from "../../scripts/browser_testing.ts";
import { startNexus, type TestNexus } from "../testing.ts";

const skip = skipWithoutChromium;
let browser: Browser;
if (skip === false) browser = await startBrowser({ after });

const grace = { sub: "grace-sub", name: "Grace Hopper", preferred_username: "grace" };

interface Visit {
  readonly nexus: TestNexus;
  readonly visitor: BrowserContext;
  /** Opens a page in a new tab, signing in on the way. */
  open(path: string): Promise<Tab>;
}

interface Tab {
  readonly page: Page;
  /** How often the page's script has asked. */
  readonly asked: () => number;
  /** What the page has complained of. */
  readonly complaints: string[];
}

async function startVisit(scope: TestScope): Promise<Visit> {
  const nexus = await startNexus(scope);
  const visitor = await newVisitor(browser);
  visitor.setDefaultTimeout(8000); // far below the interval at which a page asks
  scope.after(() => visitor.close());
  return {
    nexus,
    visitor,
    async open(path) {
      const page = await visitor.newPage();
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      let asked = 0;
      page.on("request", (request) => {
        if (request.url().endsWith("/api/session")) asked++;
      });
      await page.goto(nexus.origin + path);
      assert.equal(page.url(), nexus.origin + path, "signed in and back");
      return { page, complaints, asked: () => asked };
    },
  };
}

/** Ends every session of Ada's, as an administrator would. */
const endSessions = ({ core }: TestNexus) =>
  core.endSessions({ sub: "ada-sub" }, { reason: "test", log: createTestLog() });

/** The window gets the focus, as when somebody comes back to it. */
const comeBack = (page: Page) => page.evaluate("window.dispatchEvent(new Event('focus')), 0");

const barOf = (page: Page) => page.locator(".session-bar");

/** Comes back, and waits until the answer has been dealt with: only then is another question asked. */
async function comeBackAndSettle({ page, asked }: Tab): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const before = asked();
    await waitFor(
      async () => {
        await comeBack(page);
        return asked() > before;
      },
      { what: "the page to ask" },
    );
  }
}

test("an open page says that its session has ended, and its link leads back to the same page", {
  skip,
}, async (t) => {
  const { nexus, open } = await startVisit(t);
  const { page, complaints } = await open("/template/list?page=2&q=a%20b");
  assert.equal(await barOf(page).count(), 0);
  await endSessions(nexus);
  await comeBack(page);
  await page.getByRole("alert").getByText("Your session has ended.").waitFor();
  await page.keyboard.press("Tab");
  const focused = "document.activeElement.textContent";
  assert.equal(await page.evaluate(focused), "Sign in again", "the first stop of the keyboard");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${nexus.origin}/template/list?page=2&q=a%20b`);
  await page.locator(".side-panel").waitFor();
  assert.equal(await barOf(page).count(), 0);
  assert.deepEqual(complaints, []);
});

test("a page that has changed its address meanwhile is come back to under the new one", {
  skip,
}, async (t) => {
  const { nexus, open } = await startVisit(t);
  const { page } = await open("/template/");
  await endSessions(nexus);
  await comeBack(page);
  await barOf(page).waitFor();
  await page.evaluate("history.pushState(null, '', '/template/item/7')");
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.waitForURL(`${nexus.origin}/template/item/7`);
  await page.locator(".side-panel").waitFor();
});

test("R8: who signs out in one tab is told so in all others at once, the start page and the sessions too", {
  skip,
}, async (t) => {
  const { open } = await startVisit(t);
  const { page: first } = await open("/");
  const others = [await open("/template/"), await open("/sessions"), await open("/")];
  await first.getByRole("button", { name: "Log out" }).click();
  await first.getByText("You are signed out").waitFor();
  for (const { page, complaints } of others) {
    await page.getByText("Your session has ended.").waitFor();
    assert.deepEqual(complaints, []);
  }
});

test("one tab that notices tells the others, each asks once or twice, and then all are silent", {
  skip,
}, async (t) => {
  const { nexus, open } = await startVisit(t);
  const tabs: Tab[] = [];
  for (let count = 0; count < 6; count++) tabs.push(await open("/template/"));
  const [first, ...others] = tabs;
  assert.ok(first !== undefined);
  await endSessions(nexus);
  await comeBack(first.page);
  for (const { page } of others) await barOf(page).waitFor();
  for (const tab of tabs) assert.ok(tab.asked() <= 2, `asked ${tab.asked()} times`);
});

test("who signs in again in another tab finds this one as it was", { skip }, async (t) => {
  const { nexus, open } = await startVisit(t);
  const { page } = await open("/template/");
  await endSessions(nexus);
  await comeBack(page);
  await barOf(page).waitFor();
  await open("/template/other");
  await barOf(page).waitFor({ state: "detached" });
  assert.equal(await page.evaluate("document.documentElement.getAttribute('style') || ''"), "");
});

test("R8: a page of somebody else says who is signed in now, and can be loaded anew", {
  skip,
}, async (t) => {
  const { nexus, visitor, open } = await startVisit(t);
  const { page } = await open("/template/#here");
  await endSessions(nexus);
  nexus.provider.person = grace;
  const other = await visitor.newPage();
  await other.goto(`${nexus.origin}/template/`);
  await page.getByRole("alert").getByText("Grace Hopper is signed in now.").waitFor();
  await page.getByRole("link", { name: "Reload this page" }).click();
  await page.locator(".side-panel__name", { hasText: "Grace Hopper" }).waitFor();
  assert.equal(await barOf(page).count(), 0);
});

test("a check that cannot be made is no end: Nexus down, Core down, no network", {
  skip,
}, async (t) => {
  const { nexus, visitor, open } = await startVisit(t);
  const tab = await open("/template/");
  const assertNoBar = async (what: string) => {
    await comeBackAndSettle(tab);
    assert.equal(await barOf(tab.page).count(), 0, what);
  };
  await nexus.restart(() => assertNoBar("Nexus down"));
  await nexus.coreDoor.shut();
  await assertNoBar("Core down");
  await nexus.coreDoor.open();
  await visitor.setOffline(true);
  await assertNoBar("no network");
  await visitor.setOffline(false);
  for (const answer of [
    { status: 200, body: "<html>" },
    { status: 200, body: "null" },
    { status: 200, body: '{"active":"no"}' },
    { status: 401, body: '{"active":false}' },
    { status: 302, headers: { location: "/somewhere" } },
  ]) {
    await visitor.route("**/api/session", (route) => route.fulfill(answer));
    await assertNoBar(JSON.stringify(answer));
    await visitor.unroute("**/api/session");
  }
  await assertNoBar("all is well again");
  await endSessions(nexus);
  await comeBack(tab.page);
  await barOf(tab.page).waitFor();
});

/** Counts in the page what is asked, and which answers have been dealt with and what follows has happened. */
const countQuestions = `
  const fetchInFact = window.fetch;
  window.counts = { asked: 0, settled: 0 };
  window.fetch = async (...question) => {
    window.counts.asked++;
    const response = await fetchInFact(...question);
    const answer = await response.json();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => window.counts.settled++;
    port2.postMessage("after everything that waits for the answer");
    return { ok: response.ok, json: async () => answer };
  };`;

/** Waits until all that was asked is settled. @returns how much that is */
async function settle(page: Page): Promise<number> {
  const read = async () =>
    (await page.evaluate("window.counts")) as { asked: number; settled: number };
  await waitFor(async () => (await read()).asked === (await read()).settled, {
    what: "all answers",
  });
  return (await read()).settled;
}

test("it asks every 30 s while it is seen, when the session's time is over, and not after the end", {
  skip,
}, async (t) => {
  const { nexus, visitor, open } = await startVisit(t);
  await (await open("/")).page.close();
  await visitor.clock.install();
  await visitor.addInitScript(countQuestions);
  const { page } = await open("/template/");
  /** Lets time pass, and nothing else does. @returns how often the page has asked meanwhile */
  const pass = async (seconds: number) => {
    const before = await settle(page);
    await page.clock.runFor(seconds * 1000);
    return (await settle(page)) - before;
  };
  const see = async (state: "visible" | "hidden") => {
    const before = await settle(page);
    await page.evaluate(
      `Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true }),
       document.dispatchEvent(new Event('visibilitychange')), 0`,
    );
    assert.equal((await settle(page)) - before, state === "visible" ? 1 : 0, "a look at once");
  };
  await page.clock.pauseAt(Number(await page.evaluate("Date.now()")) + 1000);
  await see("visible");
  for (let round = 0; round < 3; round++) {
    assert.equal(await pass(29), 0);
    assert.equal(await pass(2), 1);
  }
  await see("hidden");
  assert.equal(await pass(600), 0, "nobody looks");
  await see("visible");
  await see("hidden");
  // The last answer has named the time that is left, a little less than an hour.
  assert.equal(await pass(3500), 0);
  let count = 0;
  // In steps: a question that is not answered within 10 s is given up.
  for (let step = 0; step < 20 && count === 0; step++) count = await pass(6);
  assert.equal(count, 1, "its time is over");

  await endSessions(nexus);
  await see("visible");
  await barOf(page).waitFor();
  assert.equal(await pass(7200), 0, "what is over stays over");
});

test("it asks when somebody comes back in whatever way, and not when nothing has happened", {
  skip,
}, async (t) => {
  const { visitor, open } = await startVisit(t);
  await visitor.addInitScript(countQuestions);
  const { page } = await open("/template/");
  for (const [event, count] of [
    ["new Event('focus')", 1],
    ["new Event('online')", 1],
    ["new PageTransitionEvent('pageshow', { persisted: true })", 1],
    ["new PageTransitionEvent('pageshow')", 0],
  ] as const) {
    const before = await settle(page);
    await page.evaluate(`window.dispatchEvent(${event}), 0`);
    assert.equal((await settle(page)) - before, count, event);
  }
});

/** Policies of services, and whether the script may run under them. */
const policies: Readonly<Record<string, boolean>> = {
  "default-src 'none'": true,
  "default-src 'self'; object-src 'none'": true,
  "script-src 'none'; connect-src 'none'; style-src 'none'; base-uri 'none'": true,
  "script-src-elem 'none'; script-src 'self'": true,
  "script-src 'nonce-abc' 'strict-dynamic'; default-src 'none'": true,
  "script-src 'self' 'unsafe-inline'; trusted-types 'none'": true,
  "sandbox allow-scripts allow-forms": false,
  "require-trusted-types-for 'script'": false,
  'meta: default-src "none"': false,
};

test("the script works under every policy that it is put under, and violates none", {
  skip,
}, async (t) => {
  const { nexus, open } = await startVisit(t);
  await open("/");
  const tabs: (Tab & { policy: string; mayRun: boolean })[] = [];
  for (const [policy, mayRun] of Object.entries(policies)) {
    const meta = /^meta: (.*)/.exec(policy)?.[1]?.replaceAll('"', "'");
    nexus.upstream.answer((_incoming, outgoing) => {
      outgoing.setHeader("content-type", "text/html; charset=utf-8");
      if (meta === undefined) outgoing.setHeader("content-security-policy", policy);
      const head =
        meta === undefined
          ? ""
          : `<meta http-equiv="Content-Security-Policy" content="${meta}; style-src 'self'">`;
      outgoing.end(`<!DOCTYPE html><html lang="en"><head>${head}<title>a</title></head><p>b`);
    });
    tabs.push({ ...(await open("/template/")), policy, mayRun });
  }
  await endSessions(nexus);
  for (const { page, complaints, policy, mayRun } of tabs) {
    await page.bringToFront();
    await comeBack(page);
    if (mayRun) await page.getByText("Your session has ended.").waitFor();
    assert.equal(await page.locator("script[data-person]").count(), mayRun ? 1 : 0, policy);
    assert.deepEqual(complaints, [], policy);
  }
});

test("a page in a frame has no bar: the page around it has one", { skip }, async (t) => {
  const { nexus, open } = await startVisit(t);
  nexus.upstream.answer(({ url }, outgoing) => {
    // As if it had been composed, for somebody else.
    const inner = `<script src="/static/session_watch.js" data-person="x" data-ends-in="9"></script>`;
    const outer = '<iframe src="/template/inner"></iframe>';
    outgoing.setHeader("content-type", "text/html; charset=utf-8");
    outgoing.end(`<!DOCTYPE html><title>a</title><p>b${url === "/inner" ? inner : outer}`);
  });
  const tab = await open("/template/");
  const frame = tab.page.frame({ url: /inner/ });
  assert.ok(frame);
  await frame.evaluate("window.dispatchEvent(new Event('focus')), 0");
  await comeBackAndSettle(tab);
  assert.equal(await frame.locator(".session-bar").count(), 0);
  await endSessions(nexus);
  // What it asked before that may be under way still, and it asks one thing at a time.
  await waitFor(async () => {
    await comeBack(tab.page);
    return await barOf(tab.page).isVisible();
  });
  assert.equal(await frame.locator(".session-bar").count(), 0);
});

test("it leaves no global name behind, and a page that has broken the browser's parts hears nothing", {
  skip,
}, async (t) => {
  const { nexus, open } = await startVisit(t);
  const { page } = await open("/template/");
  await endSessions(nexus);
  await comeBack(page);
  await barOf(page).waitFor();
  const names = await page.evaluate(`(() => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    const usual = new Set(Object.getOwnPropertyNames(frame.contentWindow));
    return Object.getOwnPropertyNames(window).filter((name) => !usual.has(name) && name !== "0");
  })()`);
  assert.deepEqual(names, []);

  for (const breakage of [
    "window.BroadcastChannel = undefined",
    "window.fetch = () => { throw new Error('no') }",
    "delete AbortSignal.timeout",
    "window.fetch = async () => ({ ok: true, json: async () => ({ active: false }) }); document.querySelector('body').remove()",
  ]) {
    nexus.upstream.answer((_incoming, outgoing) => {
      outgoing.setHeader("content-type", "text/html; charset=utf-8");
      outgoing.end(`<!DOCTYPE html><title>a</title><p>b<script>${breakage}</script>`);
    });
    const { page: broken, complaints } = await open("/template/");
    await broken.waitForLoadState("load");
    await comeBack(broken);
    await broken.evaluate("fetch.length, new Promise((done) => setTimeout(done))");
    assert.deepEqual(complaints, [], breakage);
  }
});

test("the bar stands above page and panel, never wider than the screen, in few lines", {
  skip,
}, async (t) => {
  const { nexus, open } = await startVisit(t);
  const { page } = await open("/template/");
  await endSessions(nexus);
  const longName = "Countess Ada Augusta King of Lovelace ".repeat(3);
  for (const person of [undefined, { ...grace, name: longName }]) {
    if (person !== undefined) {
      nexus.provider.person = person;
      await (await open("/")).page.close();
    }
    await comeBack(page);
    await page.getByText(person === undefined ? "has ended" : "is signed in now").waitFor();
    for (const width of [360, 640, 899, 900, 1280]) {
      await page.setViewportSize({ width, height: 740 });
      const [bar, panel, text] = await Promise.all(
        [".session-bar", ".side-panel", "body > p"].map((selector) =>
          page.locator(selector).first().boundingBox(),
        ),
      );
      assert.ok(bar && panel && text);
      assert.deepEqual([bar.x, bar.y, bar.width], [0, 0, width]);
      const lines = person === undefined ? 1 : width < 640 ? 5 : 3;
      assert.ok(bar.height <= 24 * lines + 56, `${bar.height} px high at ${width}`);
      await waitFor(
        async () => (await page.locator(".side-panel").boundingBox())?.y === bar.height,
        { what: `the panel to begin below the bar at ${width}` },
      );
      assert.ok(text.y >= bar.height, "the page's own text too");
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    }
  }
});
