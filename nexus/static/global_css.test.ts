// The golden rule of styling (contract §5): global.css has all of it, views have classes only.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..", "..");
const css = readFileSync(join(import.meta.dirname, "global.css"), "utf8");
const rules = css.replaceAll(/\/\*[\s\S]*?\*\//g, "");
const known = new Set([...rules.matchAll(/\.(-?[a-z_][\w-]*)/gi)].map((match) => match[1] ?? ""));

const files = execFileSync("git", ["ls-files", "-z", "--", "*.mustache"], { cwd: root })
  .toString()
  .split("\0")
  .filter((file) => file !== "");
const views = files.map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));

test("there are views to check, and classes to check them against", () => {
  assert.ok(files.includes("nexus/views/side_panel.mustache"));
  assert.ok(known.has("card__title"));
});

test("every class that a view uses exists in global.css", () => {
  const unknown = views.flatMap(({ file, text }) =>
    classesOf(text)
      .filter((name) => !isKnown(name))
      .map((name) => `${file}: ${name}`),
  );
  assert.deepEqual(unknown, []);
});

test("the check of classes sees through mustache tags", () => {
  const view = '<a class="btn{{#a}} btn--primary{{/a}} nope badge--{{b}} nope--{{c}} {{d}}">';
  const unknown = classesOf(view).filter((name) => !isKnown(name));
  assert.deepEqual(unknown, ["nope", "nope--{{}}"]);
});

test("no view has styling of its own", () => {
  const patterns = [/<style\b/i, /\sstyle\s*=/i, /\s(bgcolor|align|valign|color|face)\s*=/i];
  const offending = views.filter(({ text }) => patterns.some((pattern) => pattern.test(text)));
  assert.deepEqual(
    offending.map(({ file }) => file),
    [],
  );
});

test("only pages that Nexus does not compose link a stylesheet, and only the platform's", () => {
  const allowed = /^(nexus|helm\/keycloak)\/views\//;
  const links = views.flatMap(({ file, text }) =>
    [...text.matchAll(/<link\b[^>]*\bstylesheet\b[^>]*>/gi)].map(([link]) => ({ file, link })),
  );
  const platforms = /href="(\{\{\s*stylesheet_url\s*\}\}|\/static\/global\.css)"/;
  const offending = links.filter(({ file, link }) => !allowed.test(file) || !platforms.test(link));
  assert.deepEqual(offending, []);
});

test("no view has an inline script without a nonce or an event handler attribute", () => {
  const offending = views.filter(
    ({ text }) => /<script(?![^>]*\b(src|nonce)=)/i.test(text) || /\son[a-z]+\s*=/i.test(text),
  );
  assert.deepEqual(
    offending.map(({ file }) => file),
    [],
  );
});

test("global.css fetches nothing from anywhere", () => {
  assert.doesNotMatch(rules, /url\(|@import|@font-face/i);
});

// WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for the outline of a field and for focus (1.4.11).
const textPairs: Record<string, string[]> = {
  text: ["page", "surface", "sunken", "hover", "neutral-tint", "accent-tint", "line"],
  muted: ["page", "surface", "sunken", "hover"],
  link: ["page", "surface", "sunken", "hover", "accent-tint"],
  "on-accent": ["accent", "accent-hover"],
  "on-danger": ["danger-fill", "danger-fill-hover"],
  success: ["page", "surface", "success-tint"],
  warning: ["page", "surface", "warning-tint"],
  danger: ["page", "surface", "danger-tint"],
  info: ["page", "surface", "info-tint"],
  neutral: ["page", "surface", "neutral-tint"],
};
const statusTints = ["success-tint", "warning-tint", "danger-tint", "info-tint"];
const outlinePairs: Record<string, string[]> = {
  "field-line": ["page", "surface"],
  "accent-line": ["page", "surface"],
  focus: ["page", "surface", "sunken"],
};

for (const [index, scheme] of ["light", "dark"].entries()) {
  test(`text and fields have the contrast of WCAG AA in the ${scheme} scheme`, () => {
    const color = (name: string) => readColor(name, index);
    const tooFaint = (pairs: Record<string, string[]>, least: number) =>
      Object.entries(pairs).flatMap(([front, backs]) =>
        backs
          .map((back) => ({ front, back, ratio: contrast(color(front), color(back)) }))
          .filter(({ ratio }) => ratio < least),
      );
    assert.deepEqual(tooFaint(textPairs, 4.5), []);
    assert.deepEqual(tooFaint({ text: statusTints, link: statusTints }, 4.5), []);
    assert.deepEqual(tooFaint(outlinePairs, 3), []);
  });
}

/** The class names of a template; what a tag fills in stands as `{{}}`. */
function classesOf(view: string): string[] {
  const text = view.replaceAll(/\{\{[#^/!>][^}]*\}\}/g, "").replaceAll(/\{\{[^}]*\}\}/g, "{{}}");
  return [...text.matchAll(/\bclass\s*=\s*"([^"]*)"/g)].flatMap((match) =>
    (match[1] ?? "").split(/\s+/).filter((name) => name !== "" && name !== "{{}}"),
  );
}

function isKnown(name: string): boolean {
  if (!name.includes("{{}}")) return known.has(name);
  const [start = ""] = name.split("{{}}");
  return [...known].some((candidate) => candidate.startsWith(start));
}

/** @param scheme 0 for the light one of the pair, 1 for the dark one */
function readColor(name: string, scheme: number): string {
  const pair = new RegExp(`--color-${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css);
  assert.ok(pair, `--color-${name} is no pair of colours`);
  return pair[1 + scheme] ?? "";
}

/** Contrast ratio by WCAG 2.2's definition, from 1 to 21. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
