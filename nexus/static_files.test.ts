import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { createTestLog } from "@hivematrix/lib/testing";
import { readStaticFiles } from "./static_files.ts";

function start(t: { after(f: () => unknown): void }, files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-static-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const found = readStaticFiles(folder);
  const ask = async (path: string, headers: Record<string, string> = {}, method = "GET") =>
    await found.answer({
      method,
      target: { path, query: "" },
      parameters: new URLSearchParams(),
      headers,
      cookies: new Map(),
      address: undefined,
      requestId: "test",
      log: createTestLog(),
    });
  return { found, ask };
}

test("the hashed address of a file may be kept for ever, the plain one is asked about again", async (t) => {
  const { found, ask } = start(t, { "global.css": "a{}" });
  const url = found.url("global.css");
  assert.match(url, /^\/static\/global\.[\w-]{16}\.css$/);
  const kept = await ask(url);
  assert.equal(await kept.text(), "a{}");
  assert.equal(kept.headers.get("content-type"), "text/css; charset=utf-8");
  assert.equal(kept.headers.get("content-length"), "3");
  assert.equal(kept.headers.get("cache-control"), "public, max-age=31536000, immutable");
  const plain = await ask("/static/global.css");
  assert.equal(await plain.text(), "a{}");
  assert.equal(plain.headers.get("cache-control"), "public, no-cache");
});

test("another content has another address", (t) => {
  const first = start(t, { "global.css": "a{}" }).found.url("global.css");
  const second = start(t, { "global.css": "b{}" }).found.url("global.css");
  assert.notEqual(first, second);
});

test("who has the file already is told so", async (t) => {
  const { ask } = start(t, { "global.css": "a{}" });
  const etag = (await ask("/static/global.css")).headers.get("etag") ?? "";
  for (const value of [etag, `W/"x", ${etag}`, `${etag} , "y"`]) {
    const answer = await ask("/static/global.css", { "if-none-match": value });
    assert.equal(answer.status, 304, value);
    assert.equal(answer.body, null);
    assert.equal(answer.headers.get("etag"), etag);
  }
  assert.equal((await ask("/static/global.css", { "if-none-match": '"old"' })).status, 200);
});

test("only public files are there, to be read", async (t) => {
  const { ask } = start(t, {
    "global.css": "a{}",
    "global_css.test.ts": "secret",
    ".env": "secret",
  });
  for (const path of ["/static/global_css.test.ts", "/static/.env", "/static/", "/static/../x"]) {
    await assert.rejects(ask(path), (error) => error instanceof HttpError && error.status === 404);
  }
  await assert.rejects(
    ask("/static/global.css", {}, "POST"),
    (error) => error instanceof HttpError && error.status === 405,
  );
});
