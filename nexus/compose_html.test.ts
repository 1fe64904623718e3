import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse, serialize } from "parse5";
import { HtmlComposer } from "./compose_html.ts";

const additions = {
  head: Buffer.from('<link rel="stylesheet" href="/x.css">'),
  script: Buffer.from('<script async="" src="/x.js"></script>'),
  viewport: Buffer.from('<meta name="viewport" content="added">'),
  body: Buffer.from('<nav id="panel">panel</nav>'),
};

function compose(chunks: Buffer[]): string {
  const composer = new HtmlComposer(additions);
  const parts = chunks.flatMap((chunk) => composer.push(chunk));
  return Buffer.concat([...parts, ...composer.end()]).toString("latin1");
}

/** The tree of the composed page with the additions taken out again, as text. */
function withoutAdditions(page: string): string {
  return serialize(parse(page))
    .replace('<meta name="viewport" content="added">', "")
    .replace('<link rel="stylesheet" href="/x.css">', "")
    .replace('<script async="" src="/x.js"></script>', "")
    .replace('<nav id="panel">panel</nav>', "");
}

function cut(bytes: Buffer, cuts: number[]): Buffer[] {
  const ends = [...new Set(cuts.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  const borders = [0, ...ends, bytes.length];
  return borders.slice(1).map((end, index) => bytes.subarray(borders[index], end));
}

const fragments = [
  "<!DOCTYPE html>",
  "<html>",
  '<html lang="en">',
  "<head>",
  "</head>",
  "<body>",
  '<body class="a>b">',
  "</body>",
  "</html>",
  "<title>a</title>",
  "<title></head><body></title>",
  "<style>body>p{}</style>",
  "<script>'<body>'</script>",
  "<script><!-- <script> </script> --></script>",
  "<script><!--></script>",
  "<!-- <body> -->",
  "<!-->",
  "<!--->",
  "<!-- --!>",
  "<!x>",
  "</>",
  "</ >",
  "</x>",
  "<?php ?>",
  "< b",
  "<p>",
  "<P\tid='1' >",
  "text",
  " ",
  "\n",
  "<br/>",
  "</br>",
  "<meta charset=utf-8>",
  "<meta name=viewport content=x>",
  "<meta http-equiv='Content-Security-Policy' content='x'>",
  "<base href=/>",
  "<link rel=icon href='>'>",
  '<link a=b= "c>',
  '<link ="a>',
  "<link / a = '<body>' >",
  "<link a='x'b=\"<body>\">",
  "<noscript><p></noscript>",
  "<template><p><body></template>",
  "<template><template></template><textarea></template></textarea></template>",
  "<svg><title>t</title></svg>",
  "<h1>é</h1>",
  "<averyveryverylongelementname a='>'>",
  "<head x='<body>'>",
  "<bodyx>",
  "<header>",
];

const documents = fc
  .array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 12 })
  .map((parts) => parts.join(""));

test("a composed page is the same tree plus exactly what was added, whatever the chunks", () => {
  fc.assert(
    fc.property(documents, fc.array(fc.nat(300), { maxLength: 8 }), (page, cuts) => {
      const bytes = Buffer.from(page, "latin1");
      const composed = compose(cut(bytes, cuts));
      assert.equal(withoutAdditions(composed), serialize(parse(page)), composed);
    }),
    { numRuns: 3000 },
  );
});

test("stylesheet and script end up in the head and the panel first in the body, each once", () => {
  fc.assert(
    fc.property(documents, fc.array(fc.nat(300), { maxLength: 8 }), (start, cuts) => {
      const page = `${start}<p>end`;
      const composed = compose(cut(Buffer.from(page, "latin1"), cuts));
      const [head = "", body = ""] = serialize(parse(composed)).split("</head>");
      assert.equal(head.split('<link rel="stylesheet" href="/x.css">').length, 2, composed);
      const hasScript = head.includes('<script async="" src="/x.js"></script>');
      assert.equal(composed.split('<script async="" src="/x.js"></script>').length > 1, hasScript);
      if (!head.includes("Content-Security-Policy")) assert.ok(hasScript, composed);
      assert.match(
        body,
        /^\s*(?:<!--.*?-->\s*)*<body[^<]*?><nav id="panel">panel<\/nav>/s,
        composed,
      );
    }),
    { numRuns: 3000 },
  );
});

test("what is not inserted is what the service sent, byte for byte", () => {
  fc.assert(
    fc.property(documents, fc.array(fc.nat(300), { maxLength: 8 }), (page, cuts) => {
      let composed = compose(cut(Buffer.from(page, "latin1"), cuts));
      for (const added of Object.values(additions)) {
        composed = composed.replace(added.toString(), "");
      }
      assert.equal(composed, page);
    }),
    { numRuns: 1000 },
  );
});

test("a page without a viewport gets one, a page with its own keeps it", () => {
  const plain = compose([Buffer.from("<!DOCTYPE html><title>a</title><p>b")]);
  assert.match(plain, /<meta name="viewport" content="added"><link/);
  const own = compose([Buffer.from('<meta content="x" name="viewport"><p>b')]);
  assert.doesNotMatch(own, /content="added"/);
});

test("a page with a policy of its own in the head gets no script, as nobody could let it in", () => {
  const head = (meta: string) => compose([Buffer.from(`<!DOCTYPE html>${meta}<p>b`)]);
  for (const meta of [
    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">",
    "<meta content=x HTTP-EQUIV = 'content-security-policy'>",
  ]) {
    const composed = head(meta);
    assert.doesNotMatch(composed, /x\.js/, meta);
    assert.match(composed, /x\.css/);
  }
  assert.match(
    head("<meta http-equiv=refresh content=9>"),
    /x\.css"><script async="" src="\/x\.js">/,
  );
});

test("an empty answer and a frameset get nothing that would show", () => {
  assert.equal(compose([]), "");
  assert.doesNotMatch(compose([Buffer.from("<frameset><frame src=/a></frameset>")]), /panel/);
});

const page = "<!DOCTYPE html><title>a</title><p>b";

test("a byte order mark stays first, so the page keeps its encoding and its standards mode", () => {
  const bytes = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(page)]);
  for (let at = 0; at <= 5; at++) {
    for (let to = at; to <= 5; to++) {
      const chunks = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
      const composed = Buffer.from(compose(chunks), "latin1");
      assert.equal(composed.subarray(0, 3).toString("hex"), "efbbbf");
      const text = new TextDecoder().decode(composed);
      assert.equal(withoutAdditions(text), serialize(parse(page)), `${at}, ${to}`);
    }
  }
});

test("UTF-16, known by its byte order mark, passes untouched", () => {
  const little = Buffer.from(`\ufeff${page}`, "utf16le");
  for (const bytes of [little, Buffer.from(little).swap16()]) {
    for (const at of [0, 1, 2, 3, 9]) {
      const composed = compose([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.equal(composed, bytes.toString("latin1"));
    }
  }
});

test("two bytes that only begin like a byte order mark are text", () => {
  const start = Buffer.from([0xef, 0xbb]);
  assert.match(compose([start]), /panel.*\u00ef\u00bb$/s);
  assert.match(compose([start, Buffer.from("<p>")]), /panel.*\u00ef\u00bb<p>$/s);
});
