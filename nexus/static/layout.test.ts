// What the design system does on a real screen, with the real views, in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { serve } from "@hivematrix/lib/serve";
import { createViews } from "@hivematrix/lib/views";
import type { Browser, Page } from "playwright-core";
import { skipWithoutChromium, startBrowser } from "../../scripts/browser_testing.ts";

const skip = skipWithoutChromium;
const css = readFileSync(join(import.meta.dirname, "global.css"), "utf8");
const views = createViews(join(import.meta.dirname, "..", "views"));

const user = { name: "Ada ".repeat(12), permission_level: "admin", initials: "AA" };
const services = ["Helm", "Template", "A service with a name that is far too long"].map(
  (title) => ({
    title,
    url: `/${title[0]}/`,
    icon: title[0],
    description: "What it is for, in a sentence",
    current: title === "Template",
  }),
);
const panel = views.render("side_panel", { home_url: "/", services, user, logout_url: "/logout" });
const longWord = "unbreakable".repeat(20);
const wideRow = `<tr>${`<td>${longWord.slice(0, 33)}</td>`.repeat(6)}</tr>`;

/** What services put into their pages, at its worst. */
const worstContent = `
  <header class="page-header"><h1 class="page-header__title">${longWord}</h1>
    <div class="page-header__actions"><a class="btn" href="/x" id="first">One</a><button class="btn btn--primary">Two</button></div></header>
  <div class="alert alert--info"><p>${longWord}</p></div>
  <table><tbody><tr>${"<td>unbreakable</td>".repeat(5)}</tr></tbody></table>
  <section class="card"><div class="card__body"><table><tbody>${wideRow}</tbody></table></div></section>
  <section class="card"><div class="card__header"><h2 class="card__title">${longWord}</h2><span class="badge">badge</span></div>
    <div class="cluster"><p>${longWord}</p></div><div class="table-scroll"><table><tbody>${wideRow}<tr><td colspan="6">
    <button class="btn btn--small">Stop<span class="visually-hidden"> ${longWord}</span></button></td></tr></tbody></table></div></section>
  <pre class="code">${longWord}${longWord}</pre>
  <form class="form card"><div class="card__body"><div class="form__field"><label for="a">Label</label><input id="a"></div>
    <select><option>${longWord}</option></select><textarea></textarea></div></form>
  <ul class="item-list"><li class="item-list__item"><p class="item-list__text">${longWord}</p><form class="item-list__actions"><button class="btn">Delete</button></form></li></ul>
  <ul class="item-list"><li class="item-list__item"><p class="item-list__text" id="said">Text</p><p class="item-list__meta">Somebody, 27 Nov 2026, 03:21 UTC</p></li></ul>
  <section class="card"><div class="table-scroll" id="states"><table class="table--stack"><tbody><tr><th>Name</th>
    <td class="table__text" data-label="State"><span><span class="badge">crash-looping</span> <small>${longWord}</small></span></td>
    <td data-label="Groups"><span class="badge badge--wrap">${"words ".repeat(12)}</span></td>
    ${'<td class="table__number" data-label="Figure">1,234.5 MB</td>'.repeat(4)}
    <td class="table__actions"><div class="cluster"><a class="btn" href="/x">Stop</a></div></td></tr></tbody></table></div></section>
  <dl class="definition-list"><dt>Key</dt><dd>${longWord} <span class="badge badge--wrap">${"words ".repeat(12)}</span></dd></dl>
  <div class="empty-state"><p class="empty-state__title">${longWord}</p></div>`;

const message = {
  title: "Something went wrong",
  message: longWord,
  is_error: true,
  details: ["More about it"],
  actions: [{ label: "Try again", url: "/", is_primary: true }],
  request_id: "0af7651916cd43dd8448eb211c80319c",
};
const sheet = { stylesheet_url: "/global.css" };
const signedOut = {
  script_nonce: "test",
  title: longWord,
  doubt: longWord,
  is_doubtful: true,
  others: longWord,
  provider_sign_out_url: "/",
  sign_in_url: "/login",
};
const pages: Record<string, string> = {
  "/service": document(panel + worstContent),
  "/home": views
    .render("home", { ...sheet, user, services, has_services: true })
    .replace("<body>", `<body>${panel}`),
  "/message": views.render("message", { ...sheet, ...message }),
  "/signed-out": views.render("signed_out", { ...sheet, ...signedOut }),
};

const server = await serve(
  async (request) => {
    const { pathname } = new URL(request.url);
    const page = pages[pathname];
    const [body, type] = page === undefined ? [css, "text/css"] : [page, "text/html"];
    return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
  },
  { port: 0 },
);
after(() => server.close());
let browser: Browser;
if (skip === false) browser = await startBrowser({ after });

async function open(path: string, width: number, options: object = {}): Promise<Page> {
  const viewport = { width, height: 740 };
  const page = await browser.newPage({ viewport, ...options });
  await page.goto(new URL(path, server.url).href);
  return page;
}

async function box(page: Page, selector: string) {
  const found = await page.locator(selector).first().boundingBox();
  assert.ok(found, `${selector} is not visible`);
  return found;
}

for (const path of Object.keys(pages)) {
  test(`${path} never scrolls sideways, from 360 px up`, { skip }, async () => {
    for (const width of [360, 640, 899, 900, 1280]) {
      const page = await open(path, width);
      const scrollWidth = await page.evaluate("document.documentElement.scrollWidth");
      assert.equal(scrollWidth, width);
      await page.close();
    }
  });
}

test("long text in a table leaves its last column in sight", { skip }, async () => {
  for (const width of [360, 761, 900, 1100, 1280]) {
    const page = await open("/service", width);
    const hidden = await page
      .locator("#states")
      .evaluate((element) => element.scrollWidth - element.clientWidth);
    assert.equal(hidden, 0, `${width} px`);
    await page.close();
  }
});

test("on a phone what stands beside a text goes below it", { skip }, async () => {
  const page = await open("/service", 360);
  const text = await box(page, "#said");
  const meta = await box(page, ".item-list__meta");
  assert.deepEqual([meta.x, meta.y > text.y], [text.x, true]);
});

test("on a wide screen the panel stands beside the content, with every service", {
  skip,
}, async () => {
  const page = await open("/service", 900);
  const side = await box(page, ".side-panel");
  const content = await box(page, ".page-header");
  assert.deepEqual([side.x, side.y, side.height], [0, 0, 740]);
  assert.ok(content.x >= side.x + side.width);
  assert.equal(await page.locator(".side-panel__link:visible").count(), services.length);
  assert.equal(await page.locator("summary:visible").count(), 0);
  assert.equal(await page.locator("[aria-current=page]").textContent(), "TTemplate");
});

test("on a narrow screen the panel is a bar whose menu opens over the content", {
  skip,
}, async () => {
  const page = await open("/service", 360);
  const bar = await box(page, ".side-panel");
  assert.ok(bar.height <= 64);
  assert.ok((await box(page, ".page-header")).y >= bar.height);
  assert.equal(await page.locator(".side-panel__link:visible").count(), 0);
  await page.locator("summary").click();
  assert.equal(await page.locator(".side-panel__link:visible").count(), services.length);
  await page.getByRole("button", { name: "Log out" }).click({ trial: true });
});

test("the first stop of the keyboard leads past the panel, to the content", { skip }, async () => {
  for (const width of [360, 1280]) {
    const page = await open("/service", width);
    await page.keyboard.press("Tab");
    const skipLink = await box(page, ".skip-link:focus");
    assert.ok(skipLink.y >= 0);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await page.locator(":focus").getAttribute("id"), "first");
  }
});

test("buttons, fields and links of the panel are 44 px high, for fingers", { skip }, async () => {
  const page = await open("/service", 360, { hasTouch: true, isMobile: true });
  await page.locator("summary").tap();
  const targets = ".btn, input, select, textarea, summary, .side-panel__link, .side-panel__action";
  const heights = await page
    .locator(targets)
    .evaluateAll((elements) =>
      elements.map(
        (element) => [element.className, element.getBoundingClientRect().height] as const,
      ),
    );
  assert.ok(heights.length > 10);
  const tooLow = heights.filter(([, height]) => height < 44);
  assert.deepEqual(tooLow, []);
});

test("the scheme follows the system, and data-theme overrides it", { skip }, async () => {
  const background = (page: Page) =>
    page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
  const light = await background(await open("/service", 1280, { colorScheme: "light" }));
  const darkPage = await open("/service", 1280, { colorScheme: "dark" });
  const dark = await background(darkPage);
  assert.notEqual(light, dark);
  await darkPage.evaluate("document.documentElement.dataset.theme = 'light'");
  assert.equal(await background(darkPage), light);
});

test("nothing moves for those who asked for less motion", { skip }, async () => {
  const duration = async (reducedMotion: string) => {
    const page = await open("/service", 1280, { reducedMotion });
    return await page.evaluate(
      "getComputedStyle(document.querySelector('.btn')).transitionDuration",
    );
  };
  assert.equal(await duration("no-preference"), "0.12s");
  assert.equal(await duration("reduce"), "0s");
});

test("on paper there is the content alone", { skip }, async () => {
  const page = await open("/service", 1280, { colorScheme: "dark" });
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".side-panel:visible, .page-header .btn:visible").count(), 0);
  assert.ok((await box(page, ".page-header")).x < 40);
  const background = await page.evaluate(
    "getComputedStyle(document.documentElement).backgroundColor",
  );
  assert.equal(background, "rgb(255, 255, 255)");
});

test("the page after signing out empties what the browser stored", { skip }, async () => {
  const page = await open("/home", 1280);
  const stored = "[localStorage.length, sessionStorage.length]";
  await page.evaluate("localStorage.setItem('a', '1'), sessionStorage.setItem('b', '2'), 0");
  assert.deepEqual(await page.evaluate(stored), [1, 1]);
  await page.goto(new URL("/signed-out", server.url).href);
  assert.deepEqual(await page.evaluate(stored), [0, 0]);
  assert.equal(await page.getByRole("link", { name: "Sign in again" }).count(), 1);
});

function document(body: string): string {
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>A page</title><link rel="stylesheet" href="/global.css"></head><body>${body}</body></html>`;
}
