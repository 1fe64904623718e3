import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptsHtml, errorResponse } from "./error_response.ts";
import { HttpError } from "./http_error.ts";
import { createTestLog } from "./testing.ts";

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

function answer(
  error: unknown,
  { accept = "", signal }: { accept?: string; signal?: AbortSignal } = {},
) {
  const log = createTestLog();
  const headers = { accept };
  const request = new Request("http://h/x?secret=1", { headers, ...(signal && { signal }) });
  const response = errorResponse(error, request, {
    log,
    requestId: "request-1",
    homeUrl: "/notes/",
  });
  const lines = log.lines.map((line) => JSON.parse(line));
  return { response, lines };
}

test("an HttpError is a problem document with its status, headers, message and fields", async () => {
  const error = new HttpError(403, "This needs admin", {
    headers: { "www-authenticate": "Bearer" },
    fields: { required_levels: ["admin"] },
  });
  const { response } = answer(error);
  assert.equal(response.status, 403);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("www-authenticate"), "Bearer");
  assert.deepEqual(await response.json(), {
    type: "about:blank",
    title: "Forbidden",
    status: 403,
    detail: "This needs admin",
    required_levels: ["admin"],
    request_id: "request-1",
  });
});

test("a browser gets a page with the same status, headers and message", async () => {
  const error = new HttpError(503, "Try again", { headers: { "retry-after": "2" } });
  const { response } = answer(error, { accept: browser });
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("vary"), "Accept");
  assert.equal(response.headers.get("retry-after"), "2");
  const page = await response.text();
  assert.match(page, /^<!DOCTYPE html>/i);
  for (const part of [
    "Service Unavailable",
    "503",
    "Try again",
    "request-1",
    'href="&#x2F;notes&#x2F;"',
  ]) {
    assert(page.includes(part), `${part} is missing in ${page}`);
  }
});

test("markup in a message is shown, not run", async () => {
  const hostile = `</title><script>alert(1)</script><img src=x onerror='a' title="b">&`;
  const { response } = answer(new HttpError(404, hostile), { accept: browser });
  const page = await response.text();
  assert.doesNotMatch(page, /<script>|<img|onerror='|title="b"/);
  assert(page.includes("&lt;script&gt;"));
});

test("R25: an unknown error is a bare 500 for the caller; the log has message, stack and cause", async () => {
  const error = new TypeError("password=hunter2", { cause: new Error("deeper") });
  for (const accept of ["", browser]) {
    const { response, lines } = answer(error, { accept });
    assert.equal(response.status, 500);
    const body = await response.text();
    assert.doesNotMatch(body, /hunter2|TypeError|deeper|error_response|node:/);
    assert(body.includes("request-1"));
    assert.equal(lines.length, 1);
    assert.equal(lines[0].level, "error");
    assert.equal(lines[0].error.message, "password=hunter2");
    assert.match(lines[0].error.stack, /error_response\.test\.ts/);
    assert.equal(lines[0].error.cause.message, "deeper");
  }
});

for (const thrown of [undefined, null, "text", { status: 200 }, Symbol("odd")]) {
  test(`whatever is thrown becomes a 500: ${String(thrown)}`, () => {
    assert.equal(answer(thrown).response.status, 500);
  });
}

test("R25: a database that is away is a 503 that says when to come again", async () => {
  const error = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const { response, lines } = answer(error);
  assert.equal(response.status, 503);
  assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  assert.doesNotMatch(await response.text(), /ECONNREFUSED/);
  assert.equal(lines[0].error.code, "ECONNREFUSED");
});

test("the cause of an HttpError goes to the log and nowhere else", async () => {
  const cause = new Error("kid unknown");
  const { response, lines } = answer(new HttpError(401, "Invalid token", { cause }));
  assert.doesNotMatch(await response.text(), /kid unknown/);
  assert.equal(lines[0].error.message, "kid unknown");
  const failure = answer(new HttpError(502, "cannot be reached", { cause }));
  assert.equal(failure.lines[0].error.cause.message, "kid unknown");
  assert.match(failure.lines[0].error.stack, /error_response\.test\.ts/);
});

test("failures are errors in the log, denials are information, wrong addresses are neither", () => {
  const levelOf = (status: number) => answer(new HttpError(status, "x")).lines[0].level;
  assert.deepEqual([500, 502, 503].map(levelOf), ["error", "error", "error"]);
  assert.deepEqual([401, 403].map(levelOf), ["info", "info"]);
  assert.deepEqual([400, 404, 405].map(levelOf), ["debug", "debug", "debug"]);
});

test("what fails because the client went away is nobody's error", () => {
  const signal = AbortSignal.abort();
  const { response, lines } = answer(new Error("aborted"), { signal });
  assert.equal(response.status, 499);
  assert.equal(lines[0].level, "info");
  assert.equal(lines[0].error.message, "aborted");
  assert.equal(answer(new HttpError(404, "x"), { signal }).response.status, 404);
});

for (const [accept, isHtml] of [
  [browser, true],
  ["text/html", true],
  ["TEXT/HTML; charset=utf-8", true],
  ["application/json;q=0.9, text/html", true],
  ["text/html, application/json", true],
  ["application/json, text/html;q=1", true],
  ["", false],
  ["*/*", false],
  ["text/*", false],
  ["application/json", false],
  ["application/json, text/html;q=0.5", false],
  ["application/problem+json, text/html;q=0.5", false],
  ["text/html;q=0", false],
  ["text/html;q=x", false],
  ["text/html-sandboxed", false],
  ["x-text/html", false],
] as const) {
  test(`"Accept: ${accept}" asks ${isHtml ? "for a page" : "for no page"}`, () => {
    assert.equal(acceptsHtml(new Headers({ accept })), isHtml);
  });
}

test("without an Accept header there is no page", () => {
  assert.equal(acceptsHtml(new Headers()), false);
});
