import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asksForDocument,
  canCompose,
  composedHeaders,
  enforcedPolicies,
} from "./composition_rules.ts";

test("a navigation asks for a document; a frame, a script's request or a part of one does not", () => {
  assert.equal(asksForDocument({}), true);
  assert.equal(asksForDocument({ "sec-fetch-dest": "document" }), true);
  for (const destination of ["empty", "iframe", "frame", "object", "embed", "image", "script"]) {
    assert.equal(asksForDocument({ "sec-fetch-dest": destination }), false, destination);
  }
  assert.equal(asksForDocument({ "hx-request": "true" }), false);
  assert.equal(asksForDocument({ "x-requested-with": "XMLHttpRequest" }), false);
  assert.equal(asksForDocument({ range: "bytes=0-99" }), false);
  const unchanged = { "sec-fetch-dest": "document", "cache-control": "no-transform" };
  assert.equal(asksForDocument(unchanged), false);
});

test("htmx's boosted links fetch whole documents", () => {
  const boosted = { "hx-request": "true", "hx-boosted": "true", "sec-fetch-dest": "empty" };
  assert.equal(asksForDocument(boosted), true);
});

const answers = (status: number, headers: Record<string, string>) =>
  canCompose(status, new Map(Object.entries(headers)));
const html = { "content-type": "text/html" };

test("whole HTML documents are composed, error pages among them", () => {
  for (const status of [200, 201, 203, 400, 404, 422, 500, 503]) {
    assert.equal(answers(status, html), true, String(status));
  }
  for (const type of [
    "text/html; charset=utf-8",
    "TEXT/HTML;charset=ISO-8859-1",
    " text/html ; x=y",
    'text/html; charset="Shift_JIS"',
  ]) {
    assert.equal(answers(200, { "content-type": type }), true, type);
  }
  assert.equal(answers(200, { ...html, "content-encoding": "identity" }), true);
  assert.equal(answers(200, { ...html, "content-disposition": "inline" }), true);
});

test("what has no whole content stays untouched", () => {
  for (const status of [204, 205, 206, 226, 301, 302, 303, 304, 307, 308]) {
    assert.equal(answers(status, html), false, String(status));
  }
});

test("what is no HTML, or HTML that must not or cannot be changed, stays untouched", () => {
  const untouched: readonly Record<string, string>[] = [
    {},
    { "content-type": "application/xhtml+xml" },
    { "content-type": "text/htmlx" },
    { "content-type": "application/json; x=text/html" },
    { "content-type": "text/html; charset=utf-16" },
    { "content-type": 'text/html;charset="UTF-16LE"' },
    { "content-type": "text/html; charset=iso-2022-jp" },
    { "content-type": "text/html; charset=unicode" },
    { ...html, "content-encoding": "gzip" },
    { ...html, "content-encoding": "identity, br" },
    { ...html, "cache-control": "public, No-Transform" },
    { ...html, "content-disposition": 'attachment; filename="report.html"' },
  ];
  for (const headers of untouched) {
    assert.equal(answers(200, headers), false, JSON.stringify(headers));
  }
});

const sources = {
  stylesheets: "https://hive.example.org/static/",
  logout: "https://hive.example.org/logout",
};

test("R8: a composed page keeps no validator, length or permission to be stored", () => {
  const headers = [
    ...["Content-Type", "text/html", "Content-Length", "99", "ETag", '"1"', "Expires", "0"],
    ...["Last-Modified", "x", "Cache-Control", "max-age=60", "Content-MD5", "x"],
    ...["Accept-Ranges", "bytes", "X-Kept", "1", "Repr-Digest", "x"],
  ];
  assert.deepEqual(composedHeaders(headers, sources), [
    ...["Content-Type", "text/html", "X-Kept", "1", "cache-control", "no-store"],
  ]);
});

test("every policy of an answer is amended, whatever its name's case, also those that only report", () => {
  for (const name of ["Content-Security-Policy", "content-security-policy-report-only"]) {
    assert.deepEqual(composedHeaders([name, "style-src a"], sources).slice(0, 2), [
      name,
      `style-src a ${sources.stylesheets}`,
    ]);
  }
});

test("what is enforced are all policies without those that only report", () => {
  const headers = [
    ...["Content-Security-Policy", "a b; c", "X-Other", "d"],
    ...["content-security-policy-report-only", "sandbox", "content-security-policy", "e"],
  ];
  assert.equal(enforcedPolicies(headers), "a b; c,e");
});
