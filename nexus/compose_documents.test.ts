// Composition against every kind of document, with parse5 as the judge. PROPERTY_RUNS=200000 makes
// it a long one; a failure prints its seed and the smallest document that fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DefaultTreeAdapterTypes as Tree } from "parse5";
import { HtmlComposer } from "./compose_html.ts";
import { type Cuts, cut, cuts, documents } from "./html_documents_testing.ts";
import { attributeOf, describeTree } from "./html_tree_testing.ts";
import { KnownHeads } from "./known_heads.ts";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 3000);

const additions = {
  head: Buffer.from('<link id="added-link" rel="stylesheet" href="/x.css">'),
  script: Buffer.from('<script id="added-script" async src="/x.js"></script>'),
  viewport: Buffer.from('<meta id="added-viewport" name="viewport" content="added">'),
  body: Buffer.from(
    '<nav id="added-panel"><form><p>a <b>panel</b></p><button>x</button></form></nav>',
  ),
};

/** Of all documents here, so that what one has taught is tried on the others. */
const knownHeads = new KnownHeads();

function compose(page: string, at: Cuts): string {
  const composer = new HtmlComposer(additions, knownHeads);
  const parts = cut(Buffer.from(page, "latin1"), at).flatMap((chunk) => composer.push(chunk));
  return Buffer.concat([...parts, ...composer.end()]).toString("latin1");
}

const nameOf = (element: Tree.Element) => /^added-(.*)/.exec(attributeOf(element, "id"))?.[1];

test("a composed document is the tree that it was plus exactly what was added", () => {
  fc.assert(
    fc.property(documents, cuts, (page, at) => {
      const composed = compose(page, at);
      const found = describeTree(composed, nameOf);
      const expected = describeTree(page);
      // Browsers throw a body without text away for a frameset behind it. No page is written like
      // that, so nobody looks that far: the panel's text keeps such a body.
      fc.pre(found.hasFrameset || !expected.hasFrameset);
      assert.equal(found.lines, expected.lines, composed);
    }),
    { numRuns },
  );
});

test("what is added is at the end of the head and first in the body, each once", () => {
  let withAdditions = 0;
  fc.assert(
    fc.property(documents, cuts, (start, at) => {
      const page = `${start}<i id="probe"></i>`;
      const { lines, hasFrameset } = describeTree(page);
      // Else the document ends within a comment, a script or the like.
      const hasBody = /^ *<\S+ i id="probe"/m.test(lines) && !/ content .*"probe"/.test(lines);
      fc.pre(hasBody && !hasFrameset);
      const composed = compose(page, at);
      const { additions, meta } = describeTree(composed, nameOf);
      // Better no additions than wrong ones, where browsers differ in what a template holds.
      const isDoubtful = /<template.*<(?:svg|math|select|col|plaintext)\b/is.test(page);
      if (isDoubtful && !additions.some((addition) => addition.startsWith("panel"))) return;
      withAdditions++;
      const names = additions.map((addition) => addition.replace(/, \d+ before$/, ""));
      const [panel, ...inHead] = names.toReversed();
      assert.deepEqual(
        inHead.toReversed(),
        [
          ...(meta.has("name=viewport") ? [] : ["viewport in head"]),
          "link in head",
          ...(meta.has("http-equiv=content-security-policy") ? [] : ["script in head"]),
        ],
        composed,
      );
      assert.equal(panel, "panel in body", composed);
      assert.equal(additions.at(-1), "panel in body, 0 before", composed);
    }),
    { numRuns },
  );
  assert.ok(withAdditions > numRuns / 2, `${withAdditions} of ${numRuns} had additions`);
});

test("what is not added is what the service sent, byte for byte, in any encoding", () => {
  const bytes = fc.array(
    fc.oneof(
      documents.map((page) => Buffer.from(page, "latin1")),
      fc.uint8Array({ maxLength: 20 }).map((some) => Buffer.from(some)),
      // ソ表 in Shift_JIS: second bytes that are a backslash in ASCII; é and “ in windows-1252.
      fc.constantFrom(Buffer.from([0x83, 0x5c, 0x95, 0x5c]), Buffer.from([0xe9, 0x93, 0x81])),
      fc.constantFrom(Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from([0xff, 0xfe]), Buffer.from([0])),
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(bytes, cuts, (parts, at) => {
      const page = Buffer.concat(parts).toString("latin1");
      let composed = compose(page, at);
      for (const added of Object.values(additions)) {
        composed = composed.replace(added.toString(), "");
      }
      assert.equal(composed, page);
    }),
    { numRuns },
  );
});

test("no comment, script, title or attribute fools the injection, wherever a chunk ends", () => {
  // A known mistake of other gateways.
  const traps = [
    "<!-- </head><body> -->",
    "<!--[if IE]><body><![endif]-->",
    "<script>document.write('</head><body>')</script>",
    "<script><!-- <script></head><body></script> --></script>",
    "<title></head><body></title>",
    "<style>/* <body> */</style>",
    "<noscript><body></noscript>",
    "<template></head><body></template>",
    '<link title="</head><body>">',
  ];
  for (const trap of traps) {
    const page = `<!DOCTYPE html><html><head>${trap}</head><body><p>text`;
    const expected = page.replace(
      "</head><body><p>",
      `${additions.viewport}${additions.head}${additions.script}</head><body>${additions.body}<p>`,
    );
    for (let at = 0; at <= page.length; at++) assert.equal(compose(page, [at]), expected, `${at}`);
    assert.equal(compose(page, "bytes"), expected);
  }
});
