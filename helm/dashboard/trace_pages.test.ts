import assert from "node:assert/strict";
import test from "node:test";
import { parse } from "parse5";
import { startLogPages, type TestLogPages } from "./log_testing.ts";

const traceId = "ab".repeat(16);

test("a request's way is a table of nested spans, with what else was logged on the way", async (t) => {
  const pages = await startLogPages(t);
  await writeRequest(pages);
  const page = await pages.page("/trace/abcdef1");
  const errors: string[] = [];
  parse(page, { onParseError: ({ code }) => errors.push(code) });
  assert.deepEqual(errors, []);
  assert.match(page, /<code>abcdef123456<\/code>/);
  const rows = [
    ...page.matchAll(/trace__request--(\d)">\s*<span[^>]*>(\w+)<[\s\S]*?trace__path">([^<]+)</g),
  ];
  assert.deepEqual(
    rows.map(([, depth, service, request]) => [depth, service, request]),
    [
      ["0", "nexus", "GET /template/"],
      ["1", "template", "GET /"],
      ["2", "codex", "GET /api/data"],
    ],
  );
  assert.match(page, /x="375" width="250"/);
  assert.match(page, /slow query &lt;b&gt;/);
  assert.doesNotMatch(page, / style=|<style|<script/);
});

test("a trace's id leads there too; the beginning of several gives a choice; none is said", async (t) => {
  const pages = await startLogPages(t);
  await writeRequest(pages);
  assert.match(await pages.page(`/trace/${traceId}`), /<code>abcdef123456<\/code>/);
  pages.write("nexus", span(1000, 5, "GET", "/other", "abcdef999999"));
  await pages.waitForLines(5);
  const choice = await pages.page("/trace/abcdef");
  assert.match(choice, /href="\/helm\/trace\/abcdef999999"/);
  assert.match(choice, /href="\/helm\/trace\/abcdef123456"/);
  const missing = await pages.ask("/trace/ffffffff");
  assert.equal(missing.status, 404);
  assert.match(await missing.text(), /No log has a line of ffffffff/);
  assert.equal((await pages.ask("/trace/abc")).status, 404);
  assert.equal((await pages.ask("/api/trace/abcdef")).status, 409);
  const { spans } = (await (await pages.ask("/api/trace/abcdef1")).json()) as { spans: object[] };
  assert.equal(spans.length, 3);
});

async function writeRequest({ write, waitForLines }: TestLogPages): Promise<void> {
  write("codex", span(50, 20, "GET", "/api/data"));
  write(
    "template",
    line(55, { level: "warn", message: "slow query <b>" }),
    span(60, 40, "GET", "/"),
  );
  write("nexus", span(80, 80, "GET", "/template/"));
  await waitForLines(4);
}

function span(
  endMs: number,
  duration_ms: number,
  method: string,
  path: string,
  id?: string,
): string {
  return line(endMs, { message: "request", method, path, status: 200, duration_ms }, id);
}

function line(atMs: number, fields: object, request_id = "abcdef123456"): string {
  const time = new Date(Date.UTC(2026, 10, 23, 20) + atMs).toISOString();
  const traceparent = request_id === "abcdef123456" ? `00-${traceId}-${"cd".repeat(8)}-01` : "";
  return JSON.stringify({ time, level: "info", request_id, traceparent, ...fields });
}
