// A real Chromium for tests, where the machine has one.
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestScope } from "@hivematrix/lib/testing";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Why browser tests are skipped here, or `false`: for node:test's `skip`. */
export const skipWithoutChromium: string | false =
  findChromium() === undefined
    ? "skipped: Chromium is missing, install it with your system's package manager (Debian: apt-get install chromium) or name it in CHROMIUM_PATH"
    : false;

/** Where the screenshots of a test run are kept. */
export const screenshotFolder = join(import.meta.dirname, "..", "test-output");

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startBrowser(scope: TestScope): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(String(skipWithoutChromium));
  const browser = await chromium.launch({ executablePath, headless: true, args: flags });
  scope.after(() => browser.close());
  return browser;
}

/** A browser of its own: nobody's cookies; self-signed certificates on loopback are accepted. */
export async function newVisitor(browser: Browser): Promise<BrowserContext> {
  return await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 800 },
    colorScheme: "light",
  });
}

/** Keeps what the page shows, wide and narrow, as `<name>-1280.png` and `<name>-360.png`. */
export async function keepScreenshots(page: Page, name: string): Promise<void> {
  mkdirSync(screenshotFolder, { recursive: true });
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await page.screenshot({ path: join(screenshotFolder, `${name}-${width}.png`), fullPage: true });
  }
}

function findChromium(): string | undefined {
  const named = process.env["CHROMIUM_PATH"];
  if (named !== undefined) return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const programs = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = folders.flatMap((folder) => programs.map((name) => join(folder, name)));
  return candidates.find((path) => existsSync(path));
}
