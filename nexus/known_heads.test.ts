import assert from "node:assert/strict";
import { test } from "node:test";
import { HtmlComposer } from "./compose_html.ts";
import { KnownHeads } from "./known_heads.ts";

const additions = {
  head: Buffer.from("[head]"),
  script: Buffer.from("[script]"),
  viewport: Buffer.from("[viewport]"),
  body: Buffer.from("[body]"),
};

function compose(page: string, heads: KnownHeads): string {
  const composer = new HtmlComposer(additions, heads);
  return Buffer.concat([...composer.push(Buffer.from(page)), ...composer.end()]).toString();
}

const content = "<p>a paragraph that is longer than any look ahead</p>";

test("a page with a known head is composed as one that is scanned", () => {
  const heads = new KnownHeads();
  for (const head of [
    "<!DOCTYPE html><head><title>a</title></head><body>",
    "<meta name=viewport content=x><body>",
    "<meta http-equiv=content-security-policy content=x>",
    "",
  ]) {
    const scanned = compose(head + content, new KnownHeads());
    for (const _ of ["learnt", "known"]) assert.equal(compose(head + content, heads), scanned);
    const other = `${content}<b>more</b>`;
    assert.equal(compose(head + other, heads), scanned.replace(content, other));
  }
});

test("what comes behind an insertion and decided about it belongs to the head", () => {
  const heads = new KnownHeads();
  const [block, meta] = ["<title>a</title><p>", "<title>a</title><meta name=x>"];
  for (const page of [
    block + content,
    meta + content,
    block + content,
    `<title>a</title>${content}`,
  ]) {
    assert.equal(compose(page, heads), compose(page, new KnownHeads()), page);
  }
});

test("a page that ends where a known head was looked at is scanned", () => {
  const heads = new KnownHeads();
  compose(`<body>${content}`, heads);
  assert.equal(heads.find(Buffer.from(`<body>${content}`)) === undefined, false);
  assert.equal(heads.find(Buffer.from("<body><p>")), undefined);
  assert.equal(compose("<body><p>", heads), compose("<body><p>", new KnownHeads()));
});

test("heads that are too long or too many are not kept", () => {
  const heads = new KnownHeads();
  const long = `<title>${"a".repeat(5000)}</title>${content}`;
  compose(long, heads);
  assert.equal(heads.find(Buffer.from(long)), undefined);
  const pages = Array.from({ length: 20 }, (_, i) => `<title>${i}</title>${content}`);
  for (const page of pages) compose(page, heads);
  const kept = pages.filter((page) => heads.find(Buffer.from(page)) !== undefined);
  assert.deepEqual(kept, pages.slice(-8));
});
