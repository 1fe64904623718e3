// For tests: whether everybody can use a page, as far as a program can tell (axe-core), on a wide and a
// narrow screen and in both colour schemes; and whether the page fits the narrow one.
import axe, { type AxeResults, type RunOptions } from "axe-core";
import type { Page } from "playwright-core";

interface Variant {
  readonly width: number;
  readonly colorScheme: "light" | "dark";
  readonly options: RunOptions;
}

/** What a change of width or colours alone can break. */
const visible: RunOptions = {
  runOnly: ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
};

/** Each width and each scheme sees every rule once; the two other pairs those about what is seen. */
const variants: readonly Variant[] = [
  { width: 1280, colorScheme: "light", options: {} },
  { width: 1280, colorScheme: "dark", options: visible },
  { width: 360, colorScheme: "light", options: visible },
  { width: 360, colorScheme: "dark", options: {} },
];

/**
 * Everything that keeps people from using the page, one line each; empty for a good page. Colours must
 * not be on their way while they are measured: the page has to be one of `reducedMotion: "reduce"`.
 */
export async function findBarriers(page: Page): Promise<string[]> {
  const found: string[] = [];
  await page.evaluate(axe.source);
  for (const { width, colorScheme, options } of variants) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const where = `${width} px, ${colorScheme}`;
    const wide = Number(await page.evaluate("document.documentElement.scrollWidth"));
    if (wide > width) found.push(`${where}: the page is ${wide} px wide`);
    const words = JSON.stringify({ resultTypes: ["violations"], ...options });
    const results = (await page.evaluate(`axe.run(document, ${words})`)) as AxeResults;
    for (const { id, help, nodes } of results.violations) {
      for (const { target, any } of nodes) {
        const details = any.map(({ message }) => message).join("; ");
        found.push(`${where}: ${id} at ${target.join(" ")}: ${help}. ${details}`);
      }
    }
  }
  return found;
}
