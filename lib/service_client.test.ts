import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RequestHandler, serve } from "./serve.ts";
import { createServiceClient } from "./service_client.ts";
import { createServiceRegistry } from "./service_registry.ts";
import { createTestLog, startTestCore, testServiceSecret } from "./testing.ts";
import { createTokenVerifier } from "./token_verifier.ts";

/** A service "codex" that does what a test says, and a client that calls it as "treasury". */
async function startClient(
  t: TestContext,
  handle: RequestHandler,
  { basePath = "", timeoutMs = 10_000 } = {},
) {
  const core = await startTestCore(t);
  const log = createTestLog();
  const codex = await serve(handle, { port: 0, drainTimeoutMs: 10, log });
  t.after(() => codex.close());
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-client-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const file = join(folder, "services.json");
  writeFileSync(file, JSON.stringify({ codex: { url: codex.url.origin + basePath } }));
  const { callService } = createServiceClient({
    service: "treasury",
    serviceSecret: testServiceSecret,
    coreUrl: core.url,
    registry: createServiceRegistry(file),
    timeoutMs,
  });
  return { core, codex, callService };
}

const echo: RequestHandler = async (request) => {
  const { pathname, search } = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  return Response.json({
    method: request.method,
    target: pathname + search,
    headers,
    body: await request.text(),
  });
};

interface Echo {
  method: string;
  target: string;
  headers: Record<string, string>;
  body: string;
}

test("a call carries a service token that its target accepts", async (t) => {
  const { core, callService } = await startClient(t, echo);
  const response = await callService("codex", "/api/companies?page=2");
  const { method, target, headers } = (await response.json()) as Echo;
  assert.deepEqual([method, target], ["GET", "/api/companies?page=2"]);
  const verifier = createTokenVerifier({ coreUrl: core.url, service: "codex" });
  const caller = await verifier.verify(headers["authorization"]?.slice("Bearer ".length) ?? "");
  assert.deepEqual(caller, { kind: "service", service: "treasury" });
});

test("method, headers and body are the caller's, the authorization is not", async (t) => {
  const { callService } = await startClient(t, echo);
  const response = await callService("codex", "/api", {
    method: "PUT",
    headers: { "content-type": "text/x", authorization: "Bearer of-a-user" },
    body: "content",
  });
  const { method, headers, body } = (await response.json()) as Echo;
  assert.deepEqual([method, headers["content-type"], body], ["PUT", "text/x", "content"]);
  assert.match(headers["authorization"] ?? "", /^Bearer eyJ/);
});

test("the request id is passed on, and the trace with a span of its own", async (t) => {
  const { callService } = await startClient(t, echo);
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const context = { requestId: "request-1", traceparent };
  const { headers } = (await (await callService("codex", "/", { context })).json()) as Echo;
  assert.equal(headers["x-request-id"], "request-1");
  assert.match(
    headers["traceparent"] ?? "",
    /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/,
  );
  assert.notEqual(headers["traceparent"], traceparent);

  const alone = (await (await callService("codex", "/")).json()) as Echo;
  assert.match(alone.headers["traceparent"] ?? "", /^00-/);
  assert.equal("x-request-id" in alone.headers, false);
});

test("one token serves many calls", async (t) => {
  const { core, callService } = await startClient(t, echo);
  await Promise.all([1, 2, 3].map(() => callService("codex", "/")));
  await callService("codex", "/");
  assert.equal(core.asked.serviceTokens, 1);
});

/** Refuses the first token that it has answered well before, as after a change of Core's keys. */
function refuseAfterFirst(): { handle: RequestHandler; bodies: string[] } {
  let first: string | undefined;
  let isFirst = true;
  const bodies: string[] = [];
  const handle: RequestHandler = async (request) => {
    const token = request.headers.get("authorization") ?? "";
    first ??= token;
    bodies.push(await request.text());
    const isRefused = !isFirst && token === first;
    isFirst = false;
    return new Response(null, { status: isRefused ? 401 : 204 });
  };
  return { handle, bodies };
}

test("a kept token that is refused is replaced, and the call made once more", async (t) => {
  const { handle, bodies } = refuseAfterFirst();
  const { core, callService } = await startClient(t, handle);
  await callService("codex", "/", { method: "POST", body: "one" });
  const response = await callService("codex", "/", { method: "POST", body: "two" });
  assert.equal(response.status, 204);
  assert.deepEqual(bodies, ["one", "two", "two"]);
  assert.equal(core.asked.serviceTokens, 2);
});

test("a body that can be sent but once is not sent again; the next call has a fresh token", async (t) => {
  const { handle, bodies } = refuseAfterFirst();
  const { callService } = await startClient(t, handle);
  await callService("codex", "/");
  const body = new Blob(["streamed"]).stream();
  assert.equal((await callService("codex", "/", { method: "POST", body })).status, 401);
  assert.equal((await callService("codex", "/")).status, 204);
  assert.deepEqual(bodies, ["", "streamed", ""]);
});

for (const [what, body] of [
  ["bytes", new TextEncoder().encode("content")],
  ["a buffer", new TextEncoder().encode("content").buffer],
  ["a blob", new Blob(["content"])],
  ["a form", new URLSearchParams({ content: "" })],
] as const) {
  test(`${what} can be sent a second time`, async (t) => {
    const { handle, bodies } = refuseAfterFirst();
    const { callService } = await startClient(t, handle);
    await callService("codex", "/");
    assert.equal((await callService("codex", "/", { method: "POST", body })).status, 204);
    assert.equal(bodies.length, 3);
    assert.match(bodies[2] ?? "", /^content/);
  });
}

test("a service that always answers 401 is asked no more than twice a call", async (t) => {
  let calls = 0;
  const { core, callService } = await startClient(t, async () => {
    calls++;
    return new Response(null, { status: calls === 1 ? 200 : 401 });
  });
  await callService("codex", "/");
  assert.equal((await callService("codex", "/")).status, 401);
  assert.equal(calls, 3);
  assert.equal((await callService("codex", "/")).status, 401);
  assert.equal(calls, 4, "a fresh token was refused: another one would not help");
  assert.equal(core.asked.serviceTokens, 3);
});

test("other refusals keep the token", async (t) => {
  const { core, callService } = await startClient(
    t,
    async () => new Response(null, { status: 403 }),
  );
  for (const _ of [1, 2]) assert.equal((await callService("codex", "/")).status, 403);
  assert.equal(core.asked.serviceTokens, 1);
});

test("a redirect is the caller's to judge: it is not followed", async (t) => {
  const { callService } = await startClient(t, async (request) => {
    assert.equal(new URL(request.url).pathname, "/from");
    return new Response(null, { status: 302, headers: { location: "/to" } });
  });
  const response = await callService("codex", "/from");
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("location"), "/to");
});

test("a service that does not answer in time is a 504", async (t) => {
  const late: RequestHandler = () => new Promise(() => {});
  const { callService } = await startClient(t, late, { timeoutMs: 300 });
  const message = `"codex" did not answer within 300 ms`;
  await assert.rejects(callService("codex", "/"), { name: "HttpError", status: 504, message });
});

test("an answer that stalls half-way is a 504, one that breaks off a 502", async (t) => {
  let breakOff = () => {};
  const half: RequestHandler = async (request) => {
    const isBroken = new URL(request.url).pathname === "/broken";
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(10));
        if (isBroken) breakOff = () => controller.error(new Error("broken"));
      },
    });
    return new Response(body);
  };
  const { callService } = await startClient(t, half, { timeoutMs: 1000 });
  const broken = await callService("codex", "/broken");
  breakOff();
  await assert.rejects(broken.text(), { name: "HttpError", status: 502 });
  const stalling = await callService("codex", "/stalling");
  await assert.rejects(stalling.text(), { name: "HttpError", status: 504 });
});

test("a stream may take longer than the time limit, as long as it keeps coming", async (t) => {
  const slow: RequestHandler = async () => {
    let pieces = 0;
    const body = new ReadableStream({
      async pull(controller) {
        await sleep(200);
        if (++pieces > 5) controller.close();
        else controller.enqueue(new Uint8Array(1));
      },
    });
    return new Response(body);
  };
  const { callService } = await startClient(t, slow, { timeoutMs: 1000 });
  const startedAt = performance.now();
  const response = await callService("codex", "/");
  assert.equal((await response.arrayBuffer()).byteLength, 5);
  assert(performance.now() - startedAt > 1000);
});

test("a service that is not there is a 502, an unknown one too", async (t) => {
  const { codex, callService } = await startClient(t, echo);
  await codex.close();
  const gone = { name: "HttpError", status: 502, message: '"codex" cannot be reached' };
  await assert.rejects(callService("codex", "/"), gone);
  const unknown = 'Cannot call "nobody": no such service in services.json';
  await assert.rejects(callService("nobody", "/"), { status: 502, message: unknown });
});

test("without a service token nothing is called", async (t) => {
  const core = await startTestCore(t);
  const codex = await serve(() => assert.fail("called"), { port: 0 });
  t.after(() => codex.close());
  const { callService } = createServiceClient({
    service: "treasury",
    serviceSecret: "wrong",
    coreUrl: core.url,
    registry: { find: (name) => ({ name, url: codex.url.origin }), list: () => [] },
  });
  await assert.rejects(callService("codex", "/"), { name: "HttpError", status: 503 });
});

test("a caller's own signal ends the call with its own reason", async (t) => {
  const reason = new Error("the person left");
  const { callService } = await startClient(t, async (request) => {
    const isSlow = new URL(request.url).pathname === "/slow";
    return isSlow ? await new Promise(() => {}) : new Response(new ReadableStream({}));
  });
  const before = new AbortController();
  const call = callService("codex", "/slow", { signal: before.signal });
  before.abort(reason);
  await assert.rejects(call, reason);
  const during = new AbortController();
  const response = await callService("codex", "/stream", { signal: during.signal });
  const text = response.text();
  during.abort(reason);
  await assert.rejects(text, reason);
});

test("a caller that stops reading lets its service stop too", async (t) => {
  let signal: AbortSignal | undefined;
  const { callService } = await startClient(t, async (request) => {
    ({ signal } = request);
    return new Response(new ReadableStream({}));
  });
  const response = await callService("codex", "/");
  const aborted = once(signal ?? assert.fail(), "abort");
  await response.body?.cancel();
  await aborted;
});

test("a request that cannot be made is the caller's mistake, not the service's", async (t) => {
  const { callService } = await startClient(t, echo);
  await assert.rejects(callService("codex", "/", { method: "GET", body: "x" }), {
    name: "TypeError",
  });
});

for (const path of ["api", "//evil.example/", "http://evil.example/", ""]) {
  test(`a path has to begin with one slash: "${path}"`, async (t) => {
    const { callService } = await startClient(t, () => assert.fail("called"));
    await assert.rejects(callService("codex", path), { name: "HttpError", status: 500 });
  });
}

for (const id of ["..", ".", "%2e%2E", "../../admin", "..\\admin", "7#", "7\n", "\t../x"]) {
  test(`an id from outside cannot turn a path into another: ${JSON.stringify(id)}`, async (t) => {
    const { callService } = await startClient(t, () => assert.fail("called"));
    const call = callService("codex", `/api/notes/${id}`);
    await assert.rejects(call, { name: "HttpError", status: 400 });
  });
}

test("dots that are no segment of their own pass, and a base path stays in front", async (t) => {
  const { callService } = await startClient(t, echo, { basePath: "/base/" });
  for (const path of [
    "/a..b/.well-known/x.json",
    "/notes/%2E%2E%2Fadmin",
    "/x?back=../y&z=a/../b",
  ]) {
    const { target } = (await (await callService("codex", path)).json()) as Echo;
    assert.equal(target, `/base${path}`);
  }
});
