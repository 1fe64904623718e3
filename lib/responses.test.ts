import assert from "node:assert/strict";
import { test } from "node:test";
import { html, redirect } from "./responses.ts";

test("a page is HTML in UTF-8 that nobody keeps, unless its handler says so", async () => {
  const page = html("<p>é</p>");
  assert.equal(page.status, 200);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(page.headers.get("cache-control"), "no-store");
  assert.equal(await page.text(), "<p>é</p>");

  const kept = html("", { status: 404, headers: { "cache-control": "max-age=60" } });
  assert.equal(kept.status, 404);
  assert.equal(kept.headers.get("cache-control"), "max-age=60");
});

test("a redirect has a location, a status and the headers it was given", () => {
  const response = redirect("/notes?page=2#top", 302, { "set-cookie": "a=1" });
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("location"), "/notes?page=2#top");
  assert.equal(response.headers.get("set-cookie"), "a=1");
  assert.equal(redirect("/").status, 303);
});

test("a location with characters that no header carries is encoded, line ends too", () => {
  const location = redirect("/café 🐝\r\nset-cookie: a=1").headers.get("location");
  assert.equal(location, "/caf%C3%A9%20%F0%9F%90%9D%0D%0Aset-cookie:%20a=1");
  assert.equal(redirect("/a%20b").headers.get("location"), "/a%20b");
});
