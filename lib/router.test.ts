import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "./http_error.ts";
import { type Context, type Handler, type Route, router } from "./router.ts";
import { serve } from "./serve.ts";
import { createTestLog } from "./testing.ts";

const get = (path: string, handler: Handler): Route => ({ method: "GET", path, handler });

function startRouter(routes: readonly Route[]) {
  const log = createTestLog("template");
  const handle = router(routes, { service: "template", log });
  const ask = (path: string, init?: RequestInit) => handle(new Request(`http://h${path}`, init));
  return { ask, handle, lines: () => log.lines.map((line) => JSON.parse(line)) };
}

/** Answers with what the context holds. */
const show: Handler = (_request, context: Context) =>
  Response.json({
    params: context.params,
    path: context.url.pathname,
    query: context.url.search,
    link: context.link("/notes?page=2"),
    requestId: context.requestId,
    traceparent: context.traceparent,
  });

test("the first route that fits method and path answers", async () => {
  const named = (name: string) => () => new Response(name);
  const { ask } = startRouter([
    get("/", named("home")),
    get("/notes", named("list")),
    { method: "POST", path: "/notes", handler: named("add") },
    get("/notes/new", named("form")),
    get("/notes/:id", named("one")),
    get("/:any/:thing", named("other")),
  ]);
  const text = async (path: string, method = "GET") => await (await ask(path, { method })).text();
  assert.equal(await text("/"), "home");
  assert.equal(await text("/notes?x=1"), "list");
  assert.equal(await text("/notes", "POST"), "add");
  assert.equal(await text("/notes/new"), "form");
  assert.equal(await text("/notes/7"), "one");
  assert.equal(await text("/a/b"), "other");
});

test("variable segments come decoded, each within its slashes", async () => {
  const { ask } = startRouter([get("/notes/:id/files/:name", show)]);
  const response = await ask("/notes/a%2Fb%20%C3%A9/files/%3Cx%3E?q=1");
  const { params, query } = (await response.json()) as { params: unknown; query: string };
  assert.deepEqual(params, { id: "a/b é", name: "<x>" });
  assert.equal(query, "?q=1");
});

for (const path of [
  "/notes/%",
  "/notes/%zz",
  "/notes/%C3%28",
  "/notes/",
  "/notes",
  "/notes/1/2",
  "/Notes/1",
  "//notes/1",
  "/note%73/1",
]) {
  test(`what no route fits is a 404: ${path}`, async () => {
    const { ask } = startRouter([get("/notes/:id", show)]);
    assert.equal((await ask(path)).status, 404);
  });
}

test("a path that exists without the method is a 405 that lists the methods once", async () => {
  const { ask } = startRouter([
    get("/notes/new", show),
    get("/notes/:id", show),
    { method: "DELETE", path: "/notes/:id", handler: show },
    { method: "POST", path: "/notes", handler: show },
  ]);
  const response = await ask("/notes/new", { method: "POST" });
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("allow"), "GET, DELETE, HEAD");
  const options = await ask("/notes", { method: "OPTIONS" });
  assert.equal(options.status, 405);
  assert.equal(options.headers.get("allow"), "POST");
});

test("HEAD is answered by GET's handler, without the content", async (t) => {
  const { handle } = startRouter([get("/notes", () => new Response("content"))]);
  const server = await serve(handle, { port: 0 });
  t.after(() => server.close());
  const response = await fetch(new URL("/notes", server.url), { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "");
});

test("the prefix is off the path and on the links, with Nexus and without", async () => {
  const { ask } = startRouter([get("/notes", show)]);
  const read = async (path: string, prefix?: string) => {
    const response = await ask(path, prefix ? { headers: { "x-forwarded-prefix": prefix } } : {});
    const { path: own, link } = (await response.json()) as { path: string; link: string };
    return [own, link];
  };
  assert.deepEqual(await read("/template/notes"), ["/notes", "/template/notes?page=2"]);
  assert.deepEqual(await read("/notes", "/template"), ["/notes", "/template/notes?page=2"]);
  assert.deepEqual(await read("/notes"), ["/notes", "/notes?page=2"]);
  assert.deepEqual(await read("/notes", "//evil.example"), ["/notes", "/notes?page=2"]);
});

test("what a handler throws, at once or later, becomes an answer with the request's id", async () => {
  const { ask } = startRouter([
    get("/now", () => {
      throw new HttpError(409, "Already there");
    }),
    get("/later", async () => {
      throw new Error("secret");
    }),
  ]);
  const headers = { "x-request-id": "request-1" };
  const now = (await (await ask("/now", { headers })).json()) as Record<string, unknown>;
  assert.deepEqual(
    [now["status"], now["detail"], now["request_id"]],
    [409, "Already there", "request-1"],
  );
  const later = await ask("/later", { headers });
  assert.equal(later.status, 500);
  assert.doesNotMatch(await later.text(), /secret/);
});

test("a hostile path in the page of a 404 is shown, not run", async () => {
  const { ask } = startRouter([]);
  const response = await ask(`/'onload='alert(1)'&<script>"`, { headers: { accept: "text/html" } });
  assert.equal(response.status, 404);
  const page = await response.text();
  assert.match(page, /There is no page at/);
  assert.doesNotMatch(page, /'onload='|<script>/);
});

test("each request is one line of the log, without its query", async () => {
  const { ask, lines } = startRouter([
    get("/notes/:id", (_request, context) => {
      context.log.info("from the handler");
      return new Response(null, { status: 204 });
    }),
  ]);
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const headers = { "x-request-id": "request-1", traceparent };
  await ask("/template/notes/7?secret=hunter2", { headers });
  const [own, access] = lines();
  assert.equal(own.message, "from the handler");
  assert.equal(own.request_id, "request-1");
  const { time: _time, duration_ms, ...others } = access;
  assert.deepEqual(others, {
    level: "info",
    service: "template",
    message: "request",
    request_id: "request-1",
    traceparent,
    method: "GET",
    path: "/notes/7",
    status: 204,
  });
  assert(Number.isInteger(duration_ms) && duration_ms >= 0);
  assert.doesNotMatch(JSON.stringify(lines()), /hunter2/);
});

test("health checks are not worth a line, failures are logged with the answer's status", async () => {
  const { ask, lines } = startRouter([
    get("/health", () => new Response("ok")),
    get("/fails", () => {
      throw new Error("x");
    }),
  ]);
  await ask("/health");
  assert.deepEqual(
    lines().map(({ level }) => level),
    ["debug"],
  );
  await ask("/fails");
  assert.equal(lines().at(-1).status, 500);
});

test("a request's id and trace are kept, hostile ones are replaced", async () => {
  const { ask } = startRouter([get("/", show)]);
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const read = async (id: string, trace: string) =>
    (await (await ask("/", { headers: { "x-request-id": id, traceparent: trace } })).json()) as {
      requestId: string;
      traceparent: string;
    };
  const kept = await read("request-1", traceparent);
  assert.deepEqual([kept.requestId, kept.traceparent], ["request-1", traceparent]);
  const replaced = await read('"}forged', "00-zz");
  assert.match(replaced.requestId, /^[0-9a-f]{24}$/);
  assert.match(replaced.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});
