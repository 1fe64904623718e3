import assert from "node:assert/strict";
import test from "node:test";
import { findBarriers } from "./accessibility_testing.ts";
import { newVisitor, skipWithoutChromium, startBrowser } from "./browser_testing.ts";

const style = `
  body { background: white; color: black }
  .pale { color: #aaa }
  @media (prefers-color-scheme: dark) { .dim { background: black; color: #333 } }
  @media (max-width: 400px) { .wide { width: 500px } }`;

test("a page that keeps people out is told from one that does not", {
  skip: skipWithoutChromium,
}, async (t) => {
  const page = await (await newVisitor(await startBrowser(t))).newPage();
  const look = async (main: string) => {
    await page.setContent(`<!DOCTYPE html><html lang="en"><head><title>A page</title>
      <style>${style}</style></head><body><main><h1>A page</h1>${main}</main></body></html>`);
    return (await findBarriers(page)).map((line) => line.split(". ", 1)[0]);
  };
  const contrast = "Elements must meet minimum color contrast ratio thresholds";
  assert.deepEqual(await look("<label>Name <input></label>"), []);
  assert.deepEqual(await look('<p class="dim">Dim</p>'), [
    `1280 px, dark: color-contrast at p: ${contrast}`,
    `360 px, dark: color-contrast at p: ${contrast}`,
  ]);
  assert.equal((await look('<p class="pale">Pale</p>')).length, 4);
  assert.deepEqual(await look('<p class="wide">Wide</p>'), [
    "360 px, light: the page is 508 px wide",
    "360 px, dark: the page is 508 px wide",
  ]);
  const unlabelled = await look("<input>");
  assert.deepEqual(unlabelled, [
    "1280 px, light: label at input: Form elements must have labels",
    "360 px, dark: label at input: Form elements must have labels",
  ]);
});
