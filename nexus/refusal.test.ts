import assert from "node:assert/strict";
import { test } from "node:test";
import { wantsPage } from "./refusal.ts";

test("fetch metadata decides: a navigation wants a page, whatever else it says", () => {
  const accept = "application/json";
  assert.equal(wantsPage({ "sec-fetch-mode": "navigate", accept }, "/template/api/x"), true);
  for (const mode of ["cors", "no-cors", "same-origin", "websocket"]) {
    assert.equal(wantsPage({ "sec-fetch-mode": mode, accept: "text/html" }, "/"), false, mode);
  }
});

test("without it Accept, the marks of scripts, and for plain clients the path decide", () => {
  const html = "text/html,application/xhtml+xml,*/*;q=0.8";
  const table: readonly (readonly [
    headers: Record<string, string>,
    path: string,
    page: boolean,
  ])[] = [
    [{ accept: html }, "/template/", true],
    [{ accept: html }, "/template/api/notes", true],
    [{ accept: html, "x-requested-with": "XMLHttpRequest" }, "/template/", false],
    [{ accept: html, "hx-request": "true" }, "/template/", false],
    [{ accept: "application/json" }, "/template/", false],
    [{ accept: "application/json, text/plain, */*" }, "/template/", false],
    [{ accept: "application/problem+json, */*" }, "/template/", false],
    [{ accept: "text/event-stream" }, "/template/events", false],
    [{ accept: "image/png" }, "/template/a.png", false],
    // curl and the like
    [{ accept: "*/*" }, "/template/", true],
    [{}, "/template/", true],
    [{}, "/", true],
    [{ accept: "*/*" }, "/template/api/notes", false],
    [{}, "/template/api", false],
    [{}, "/api/me", false],
    [{}, "/template/apiary", true],
  ];
  for (const [headers, path, page] of table) {
    assert.equal(wantsPage(headers, path), page, `${path} ${JSON.stringify(headers)}`);
  }
});
