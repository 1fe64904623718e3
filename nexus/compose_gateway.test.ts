// Composition through the running gateway: what is composed, what is not, and with which headers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { TestScope } from "@hivematrix/lib/testing";
import fc from "fast-check";
import type { DefaultTreeAdapterTypes as Tree } from "parse5";
import { answerOf, startForwarding } from "./forward_testing.ts";
import { cut, cuts, documents } from "./html_documents_testing.ts";
import { attributeOf, describeTree } from "./html_tree_testing.ts";
import { startRawUpstream } from "./raw_upstream_testing.ts";

const page = "<!DOCTYPE html><html><head><title>a</title></head><body><p>text</p></body></html>";
const document = { "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" };

/** A gateway before a service that answers with these very bytes. */
async function startComposing(scope: TestScope) {
  const upstream = await startRawUpstream(scope);
  const services = { raw: { url: upstream.url } };
  const { nexus, begin } = await startForwarding(scope, { services });
  const ask = async (headers: Record<string, string> = document, method = "GET") => {
    const answer = await answerOf(begin(method, "/raw/", headers).end());
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    return { answer, body: Buffer.concat(chunks).toString("latin1") };
  };
  const answer = (status: string, head: readonly string[], body: Buffer | string = page) => {
    const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
    const lines = [`HTTP/1.1 ${status}`, ...head, `Content-Length: ${bytes.length}`, "", ""];
    upstream.answer(({ method, socket }) => {
      socket.write(lines.join("\r\n"), "latin1");
      if (method !== "HEAD") socket.write(bytes);
    });
  };
  return { nexus, upstream, ask, answer };
}

/** What the gateway adds, as it shows in the tree. */
const nameOf = (element: Tree.Element) => {
  const { tagName } = element;
  const [href, src] = [attributeOf(element, "href"), attributeOf(element, "src")];
  if (tagName === "link" && href.startsWith("/static/global.")) return "stylesheet";
  if (tagName === "script" && src.startsWith("/static/session_watch.")) return "script";
  if (tagName === "meta" && attributeOf(element, "name") === "color-scheme") return "scheme";
  if (tagName === "nav" && attributeOf(element, "class") === "side-panel") return "panel";
  const isViewport = attributeOf(element, "content") === "width=device-width, initial-scale=1";
  return tagName === "meta" && isViewport ? "viewport" : undefined;
};

test("known mistake: HTML injection fooled by comments, scripts or a tag split across chunks", async (t) => {
  const { upstream, ask } = await startComposing(t);
  await fc.assert(
    fc.asyncProperty(documents, cuts, async (source, at) => {
      fc.pre(source !== "" && !describeTree(source).hasFrameset);
      const pieces = cut(Buffer.from(source, "latin1"), at).filter(({ length }) => length > 0);
      upstream.answer(async ({ socket }) => {
        const type = "Content-Type: text/html; charset=iso-8859-1";
        socket.write(`HTTP/1.1 200 OK\r\n${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
        for (const piece of pieces) {
          socket.write(`${piece.length.toString(16)}\r\n${piece.toString("latin1")}\r\n`, "latin1");
          await nextTurn();
        }
        socket.write("0\r\n\r\n");
      });
      const { body } = await ask();
      assert.equal(describeTree(body, nameOf).lines, describeTree(source).lines, body);
    }),
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 150) },
  );
});

test("known mistake: a 206, HEAD, 304 or no-transform answer damaged by HTML injection", async (t) => {
  const { ask, answer } = await startComposing(t);
  const head = ["Content-Type: text/html", 'ETag: "1"', "Accept-Ranges: bytes"];
  const more: readonly (readonly [string, readonly string[]])[] = [
    ["206 Partial Content", ["Content-Range: bytes 0-80/99"]],
    ["200 OK", ["Cache-Control: max-age=9, no-transform"]],
    ["200 OK", ["Content-Disposition: attachment"]],
    ["304 Not Modified", []],
  ];
  for (const [status, lines] of more) {
    answer(status, [...head, ...lines], status.startsWith("304") ? "" : page);
    const { answer: got, body } = await ask();
    assert.equal(body, status.startsWith("304") ? "" : page, status);
    assert.equal(got.headers.etag, '"1"', status);
    assert.equal(got.headers["accept-ranges"], "bytes", status);
  }
  answer("200 OK", head);
  const whole = await ask();
  const none = await ask(document, "HEAD");
  assert.equal(none.body, "");
  // HEAD says what GET would say (RFC 9110 §9.3.2).
  for (const name of ["etag", "accept-ranges", "cache-control", "content-type", "content-md5"]) {
    assert.equal(none.answer.headers[name], whole.answer.headers[name], name);
  }
  assert.notEqual(none.answer.headers["content-length"], String(page.length));
});

test("headers that speak of the content are true for a composed page, or gone", async (t) => {
  const { ask, answer } = await startComposing(t);
  answer("200 OK", [
    "Content-Type: text/html; charset=utf-8",
    'ETag: W/"1"',
    "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
    "Accept-Ranges: bytes",
    "Content-MD5: x",
    "Digest: sha-256=x",
    "Content-Digest: sha-256=:x:",
    "Repr-Digest: sha-256=:x:",
    "Cache-Control: public, max-age=9",
    "Expires: Thu, 01 Jan 2099 00:00:00 GMT",
    "Content-Language: en",
    "X-Own: kept",
  ]);
  const { answer: got, body } = await ask();
  assert.ok(body.includes('<nav class="side-panel"'));
  for (const name of [
    ..."etag last-modified accept-ranges content-md5 digest content-digest".split(" "),
    ..."repr-digest expires".split(" "),
  ]) {
    assert.equal(got.headers[name], undefined, name);
  }
  assert.equal(got.headers["cache-control"], "no-store");
  assert.equal(got.headers["content-language"], "en");
  assert.equal(got.headers["x-own"], "kept");
  const length = got.headers["content-length"];
  assert.ok(length === undefined || length === String(body.length), String(length));
});

test("encodings are declared by header, tag or mark and stay what they are, byte for byte", async (t) => {
  const { ask, answer } = await startComposing(t);
  // é and “ in windows-1252; ソ表 in Shift_JIS, whose second bytes are backslashes in ASCII.
  const texts = { "windows-1252": "\xe9\x93", Shift_JIS: "\x83\x5c\x95\x5c", "utf-8": "\xc3\xa9" };
  for (const [charset, text] of Object.entries(texts)) {
    const pages = [
      [`text/html; charset=${charset}`, `<title>${text}</title><p title="${text}">${text}`],
      ["text/html", `<meta charset=${charset}><title>${text}</title><p>${text}`],
      [
        "text/html",
        `<meta http-equiv=Content-Type content='text/html; charset=${charset}'><p>${text}`,
      ],
    ] as const;
    for (const [type, source] of pages) {
      answer("200 OK", [`Content-Type: ${type}`], source);
      const { answer: got, body } = await ask();
      assert.equal(got.headers["content-type"], type);
      const { lines, additions } = describeTree(body, nameOf);
      assert.equal(lines, describeTree(source).lines, source);
      assert.ok(additions.includes("panel in body, 0 before"), source);
      // What is added means the same in each of them.
      const added = body.replace(source.slice(0, source.indexOf("<p")), "");
      assert.ok(/^[\0-\x7f]*$/.test(added.slice(0, added.indexOf("<p"))), source);
    }
  }
  const marked = `\xef\xbb\xbf${page}`;
  answer("200 OK", ["Content-Type: text/html"], marked);
  assert.ok((await ask()).body.startsWith("\xef\xbb\xbf<!DOCTYPE html><html><head>"));
  for (const bytes of [
    Buffer.from(`\ufeff${page}`, "utf16le"),
    Buffer.from(`\ufeff${page}`, "utf16le").swap16(),
  ]) {
    answer("200 OK", ["Content-Type: text/html"], bytes);
    assert.equal((await ask()).body, bytes.toString("latin1"), "UTF-16");
  }
});

test("what is no document of the window, no HTML, or compressed passes as it is", async (t) => {
  const { ask, answer } = await startComposing(t);
  const html = "Content-Type: text/html";
  answer("200 OK", [html, 'ETag: "1"']);
  for (const headers of [
    { "hx-request": "true" },
    { "x-requested-with": "XMLHttpRequest" },
    ..."empty iframe frame embed object image style script".split(" ").map((destination) => ({
      "sec-fetch-dest": destination,
    })),
    { ...document, "cache-control": "no-transform" },
    { range: "bytes=0-9" },
  ]) {
    const { answer: got, body } = await ask(headers as unknown as Record<string, string>);
    assert.equal(body, page, JSON.stringify(headers));
    assert.equal(got.headers.etag, '"1"', JSON.stringify(headers));
  }
  const answers: readonly (readonly [readonly string[], Buffer | string])[] = [
    [["Content-Type: application/xhtml+xml"], page],
    [["Content-Type: text/plain"], page],
    [["Content-Type: text/html; charset=utf-16be"], Buffer.from(page, "utf16le").swap16()],
    [["Content-Type: text/html; charset=iso-2022-jp"], "\x1b$B%=\x1b(B<p>"],
    [[html, "Content-Encoding: gzip"], gzipSync(page)],
    [[html, "Content-Encoding: x-own"], page],
    [[], page],
  ];
  for (const [head, body] of answers) {
    answer("200 OK", head, body);
    assert.equal((await ask()).body, Buffer.from(body as string, "latin1").toString("latin1"));
  }
});

test("a policy in a header or in the page keeps its strictness and lets in what was added", async (t) => {
  const { nexus, ask, answer } = await startComposing(t);
  const { origin } = nexus;
  const policy = "default-src 'none'; script-src 'nonce-a'";
  answer("200 OK", [
    "Content-Type: text/html",
    `Content-Security-Policy: ${policy}`,
    `Content-Security-Policy-Report-Only: ${policy}; report-uri /r`,
  ]);
  const { answer: got } = await ask();
  const sent = String(got.headers["content-security-policy"]);
  assert.match(sent, new RegExp(`script-src 'nonce-a' ${origin}/static/session_watch\\.`));
  assert.ok(sent.includes(`style-src ${origin}/static/`), sent);
  assert.ok(sent.startsWith("default-src 'none';"), sent);
  const reported = String(got.headers["content-security-policy-report-only"]);
  assert.ok(reported.includes(`style-src ${origin}/static/`), reported);
  assert.ok(reported.includes("report-uri /r"), reported);
  const meta = `<meta http-equiv="Content-Security-Policy" content="script-src 'self'">`;
  answer("200 OK", ["Content-Type: text/html"], page.replace("<title>", `${meta}<title>`));
  const { body } = await ask();
  const { additions } = describeTree(body, nameOf);
  assert.ok(additions.some((name) => name.startsWith("stylesheet")));
  assert.ok(!additions.some((name) => name.startsWith("script")), "nobody could amend that policy");
});
