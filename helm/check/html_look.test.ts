import assert from "node:assert/strict";
import test from "node:test";
import { findLinks, findStyling, isWholeDocument } from "./html_look.ts";

test("a whole document begins with its doctype or html tag, after comments at most", () => {
  for (const html of [
    "<!doctype HTML>\n<title>x",
    " <!-- a -->\n<html lang=en>",
    "<!DOCTYPE html>",
  ]) {
    assert.equal(isWholeDocument(html), true, html);
  }
  for (const html of ["<div>", "text", "", "<htmlx>", "<!-- <!doctype html> --><p>"]) {
    assert.equal(isWholeDocument(html), false, html);
  }
});

test("styling is found where it counts, and not in scripts, comments or words", () => {
  const html = `<!DOCTYPE html>
<link href="/x.css" rel="preload stylesheet">
<!-- <style></style> -->
<script>const a = "<p style='x'>";</script>
<p data-style="a" title="> style=">A <b
  STYLE=color:red>style="x"</b>
<svg><style>a{}</style></svg>`;
  assert.deepEqual(findStyling(html), [
    { line: 2, text: '<link rel="stylesheet">' },
    { line: 5, text: '<b style="…">' },
    { line: 7, text: "<style>" },
  ]);
});

test("links are those to a path of this origin", () => {
  const html = `<a href="/a?b=1">, <a href='//b'>, <a href=c>, <form action=/d>, <a href="https://e/">,
<img src="{{url}}"><button formaction="/f"><script src="/g.js">"<a href='/h'>"</script>`;
  assert.deepEqual(
    findLinks(html).map(({ text }) => text),
    ["/a?b=1", "/d", "/f", "/g.js"],
  );
});
