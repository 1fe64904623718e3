import assert from "node:assert/strict";
import { after, test } from "node:test";
import { serve } from "@hivematrix/lib/serve";
import { startService, testService, unescapeHtml } from "./testing.ts";

// Two neighbours: one that shows what it was sent, one that is gone.
const received: Request[] = [];
const answers = { status: 200, body: "plain <b>text</b>" };
const neighbour = await serve(
  async (request) => {
    received.push(request);
    return new Response(answers.body, { status: answers.status });
  },
  { port: 0 },
);
after(() => neighbour.close());
const gone = await serve(async () => new Response(), { port: 0 });
await gone.close();

const service = await startService(
  { after },
  { neighbour: neighbour.url.origin, gone: gone.url.origin },
);
const { token } = await service.newUser({ permission_level: "admin" });
const open = (query = "", headers: Record<string, string> = {}) =>
  service.send(`/admin/service-call${query}`, { token, headers });

test("the page calls its own service with a service token and shows who was called by whom", async () => {
  const response = await open();
  assert.equal(response.status, 200);
  const html = unescapeHtml(await response.text());
  assert.match(html, /badge--success">200</);
  assert.match(html, /<dt>Called by<\/dt>\s*<dd>example<\/dd>/);
  assert.match(html, /<dt>Called<\/dt>\s*<dd>example<\/dd>/);
  assert.match(html, /"called_by": "example"/);
  assert.match(html, /"notes": 0/);
  assert.match(html, /<option selected>example<\/option>/);
});

test("another service gets a token that is for it, and the request's id", async () => {
  const html = await (await open("?target=neighbour", { "x-request-id": "call-test-1" })).text();
  assert.match(unescapeHtml(html), /plain <b>text<\/b>/);
  assert.doesNotMatch(html, /<b>/);
  const request = received.at(-1);
  assert.equal(new URL(request?.url ?? "").pathname, "/api/data");
  assert.equal(request?.headers.get("x-request-id"), "call-test-1");
  const payload = request?.headers.get("authorization")?.split(".")[1] ?? "";
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  const expected = { calling_service: testService, target_service: "neighbour", type: "service" };
  assert.deepEqual({ ...claims, ...expected }, claims);
});

test("an answer that is an error is shown as one", async (t) => {
  answers.status = 404;
  t.after(() => {
    answers.status = 200;
  });
  const html = await (await open("?target=neighbour")).text();
  assert.match(html, /badge--danger">404</);
});

test("a very long answer is cut", async (t) => {
  const { body } = answers;
  answers.body = "x".repeat(1_000_000);
  t.after(() => {
    answers.body = body;
  });
  const html = await (await open("?target=neighbour")).text();
  assert.ok(html.length < 10_000);
});

test("a service that is down or unknown becomes a sentence on the page", async () => {
  const down = await open("?target=gone");
  assert.equal(down.status, 200);
  const html = unescapeHtml(await down.text());
  assert.match(html, /The call did not work<\/p>\s*<p>"gone" cannot be reached/);
  const unknown = unescapeHtml(await (await open("?target=nobody")).text());
  assert.match(unknown, /"nobody": no such service in services\.json/);
});

test("nobody but an administrator makes this service call another", async () => {
  const technician = await service.newUser({ permission_level: "technician" });
  const other = await service.core.serviceToken("codex", testService);
  const before = received.length;
  for (const each of [technician.token, other]) {
    const response = await service.send("/admin/service-call?target=neighbour", { token: each });
    assert.equal(response.status, 403);
  }
  assert.equal(received.length, before);
});
