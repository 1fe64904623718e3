import assert from "node:assert/strict";
import { test } from "node:test";
import { createTraceparent, isTraceparent, readTrace } from "./trace.ts";

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

test("a request's own id and trace are kept", () => {
  const headers = new Headers({ "x-request-id": "req-1.2_3xyz", traceparent: parent });
  assert.deepEqual(readTrace(headers), { requestId: "req-1.2_3xyz", traceparent: parent });
});

test("without them each request gets new ones", () => {
  const [one, other] = [readTrace(new Headers()), readTrace(new Headers())];
  assert.match(one.requestId, /^[0-9a-f]{24}$/);
  assert(isTraceparent(one.traceparent));
  assert.notEqual(one.requestId, other.requestId);
  assert.notEqual(one.traceparent, other.traceparent);
});

for (const id of ["short", "x".repeat(65), "has space", "a\tb-12345", "<script>1", "é1234567"]) {
  test(`an id that could mislead a reader of the log is replaced: ${JSON.stringify(id)}`, () => {
    const { requestId } = readTrace(new Headers({ "x-request-id": id }));
    assert.match(requestId, /^[0-9a-f]{24}$/);
  });
}

for (const text of [
  "garbage",
  parent.toUpperCase(),
  parent.replace("4736", "47"),
  parent.replace(/^00/, "ff"),
  parent.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0".repeat(32)),
  parent.replace("00f067aa0ba902b7", "0".repeat(16)),
  `${parent}-more`,
  `x${parent}`,
]) {
  test(`a traceparent that is none begins a new trace: ${text}`, () => {
    assert.equal(isTraceparent(text), false);
    const { traceparent } = readTrace(new Headers({ traceparent: text }));
    assert(isTraceparent(traceparent));
    assert.notEqual(traceparent, text);
  });
}

test("a span within a trace keeps the trace and whether it is recorded", () => {
  const span = createTraceparent(parent);
  assert.match(span, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-00$/);
  assert.notEqual(span, parent);
  assert.match(createTraceparent(), /-01$/);
});
