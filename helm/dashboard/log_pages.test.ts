import assert from "node:assert/strict";
import test from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { parse } from "parse5";
import { lineAt } from "../logs/testing.ts";
import { startLogPages } from "./log_testing.ts";

test("the page shows what the form asks for, the newest first, and no line can be more than text", async (t) => {
  const { write, page, waitForLines } = await startLogPages(t);
  write(
    "core",
    lineAt(1, "<script>alert(1)</script> \u001b[2J\u202eevil", { request_id: "abcdef123456" }),
  );
  write("nexus", lineAt(2, "fine", { level: "warn", status: 503 }));
  await waitForLines(2);
  const all = await page("/logs");
  const errors: string[] = [];
  parse(all, { onParseError: ({ code }) => errors.push(code) });
  assert.deepEqual(errors, []);
  assert.match(
    all,
    /fine status=503[\s\S]*&lt;script&gt;alert\(1\)&lt;\/script&gt; \\u\{1b\}\[2J\\u\{202e\}evil/,
  );
  assert.match(all, /href="\/helm\/trace\/abcdef123456"/);
  assert.match(all, /data-events-url="\/helm\/api\/logs\/events\?"/);
  const some = await page("/logs?q=STATUS%3D5&level=warn&service=nexus");
  assert.match(some, /fine status=503/);
  assert.doesNotMatch(some, /script&gt;/);
  assert.match(some, /value="STATUS=5"[\s\S]*value="warn" selected[\s\S]*value="nexus" checked/);
  assert.match(await page("/logs?q=nothing+like+it"), /No line found/);
});

test("older and newer pages lead through everything", async (t) => {
  const { write, page, waitForLines } = await startLogPages(t);
  write("core", ...Array.from({ length: 5 }, (_, i) => lineAt(i, `line ${i}.`)));
  await waitForLines(5);
  const linesOf = (text: string) => [...text.matchAll(/line \d/g)].map(([line]) => line);
  const linkOf = (text: string, name: string) =>
    new RegExp(`href="/helm([^"]*)">${name}<`).exec(text)?.[1] ?? "";
  const first = await page("/logs?n=2&q=line");
  assert.deepEqual(linesOf(first), ["line 4", "line 3"]);
  assert.equal(linkOf(first, "Newer"), "");
  const second = await page(linkOf(first, "Older"));
  assert.deepEqual(linesOf(second), ["line 2", "line 1"]);
  const third = await page(linkOf(second, "Older"));
  assert.deepEqual(linesOf(third), ["line 0"]);
  assert.equal(linkOf(third, "Older"), "");
  assert.deepEqual(linesOf(await page(linkOf(third, "Newer"))), ["line 2", "line 1"]);
});

test("a form that was filled in wrongly comes back with the reason", async (t) => {
  const { ask, page } = await startLogPages(t);
  for (const [query, reason] of [
    ["since=yesterday", "since is &quot;yesterday&quot;"],
    ["level=loud", "level has to be debug, info, warn or error"],
    ["request=abc", "request has to be at least the first 6 characters of an ID"],
    ["n=0", "n has to be a whole number from 1 to 1000"],
    ["service=..%2Fx", "service has to be the name of a service"],
    ["before=x", "there is no such page"],
  ]) {
    assert.equal((await ask(`/logs?${query}`)).status, 400);
    assert.ok((await page(`/logs?${query}`)).includes(`Cannot search the logs: ${reason}`), query);
    assert.equal((await ask(`/api/logs?${query}`)).status, 400);
  }
});

test("programs get the same as JSON, with the lines as they were written", async (t) => {
  const { write, ask, waitForLines } = await startLogPages(t);
  const line = lineAt(1, "refused", { request_id: "abcdef123456", sub: "ada", status: 401 });
  write("core", lineAt(0, "started"), line);
  await waitForLines(2);
  const { lines, older, newer, source } = await readJson(await ask("/api/logs?n=1"));
  assert.deepEqual(lines, [
    {
      time: "2026-11-23T20:41:01.000Z",
      service: "core",
      level: "info",
      request_id: "abcdef123456",
      user: "ada",
      text: "refused status=401",
      line,
    },
  ]);
  assert.equal(source, "database");
  assert.equal(newer, undefined);
  const next = await readJson(await ask(`/api/logs?n=1&before=${older}`));
  assert.match(next.lines[0]?.line ?? "", /started/);
});

test("while the database is away the files are searched, and the page says so", async (t) => {
  const { write, page, store, sql, waitForLines } = await startLogPages(t);
  write("core", lineAt(1, "in the file"));
  await waitForLines(1);
  await store.close();
  store.search = async () =>
    await Promise.reject(Object.assign(new Error("gone"), { code: "ECONNREFUSED" }));
  await sql`drop table log_lines`;
  const text = await page("/logs?q=file");
  assert.match(text, /Helm's database is away/);
  assert.match(text, /in the file/);
});

test("a search that has stopped says how far it came, and goes on from there", async (t) => {
  const { ask, page, store } = await startLogPages(t);
  const stoppedAt = { atMs: Date.UTC(2026, 10, 23, 20, 41), id: 17 };
  store.search = async () => ({ lines: [], hasMore: true, stoppedAt });
  const text = await page("/logs?q=xq&level=warn");
  assert.match(text, /No line found so far/);
  assert.match(
    text,
    /only lines\s+back\s+to <time [^>]*>2026-11-23 20:41:00<\/time> were searched/,
  );
  const place = `${stoppedAt.atMs}-17`;
  assert.ok(
    text.includes(`href="/helm/logs?q=xq&level=warn&before=${place}">Search further back<`),
  );
  const answer = await readJson(await ask("/api/logs?q=xq"));
  assert.equal(answer.looked_to, "2026-11-23T20:41:00.000Z");
  assert.equal(answer.older, place);
  const onwards = await page(`/logs?q=xq&after=${stoppedAt.atMs - 1}-9`);
  assert.ok(onwards.includes(`href="/helm/logs?q=xq&after=${place}">Search further on<`));

  store.search = async () => ({ lines: [], hasMore: false });
  const end = await page(`/logs?q=xq&before=${place}`);
  assert.match(end, /Nothing that is kept of the logs is like this/);
  // The way back begins with the line that the first search ended at.
  assert.ok(end.includes(`href="/helm/logs?q=xq&after=${stoppedAt.atMs}-16">Newer<`));

  store.search = async () => await Promise.reject(new HttpError(504, "Narrow the search"));
  assert.equal((await ask("/logs?q=xq")).status, 504);
  assert.match(await page("/logs?q=xq"), /role="alert"><p>Narrow the search/);
});

async function readJson(response: Response) {
  return (await response.json()) as {
    lines: { line: string }[];
    older?: string;
    newer?: string;
    source: string;
    looked_to?: string;
  };
}
