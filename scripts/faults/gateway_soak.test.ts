import assert from "node:assert/strict";
import { test } from "node:test";
import { createScope } from "../bench/sessions/scope.ts";
import { findLeaks, runSoak } from "./soak.ts";

test("no socket and no memory is left of requests and WebSockets that were refused, aborted or cut", async (t) => {
  // A known mistake of other gateways: what an upstream refuses leaks. The long form is a script.
  const scope = createScope();
  t.after(() => scope.end());
  const figures = await runSoak(scope, { requests: 2000, sockets: 200 });
  assert.deepEqual(findLeaks(figures), [], JSON.stringify(figures));
});

test("what is left is named", () => {
  const figures = {
    socketsBefore: 1,
    socketsAfter: 1,
    upstreamConnectionsBefore: 0,
    upstreamConnectionsAfter: 0,
    liveBytesBefore: 100,
    liveBytesAfter: 110,
    residentBytesBefore: 0,
    residentBytesAfter: 0,
  };
  assert.deepEqual(findLeaks(figures), []);
  assert.deepEqual(findLeaks({ ...figures, socketsAfter: 2, liveBytesAfter: 111 }), [
    "sockets of the gateway",
    "heap",
  ]);
  assert.deepEqual(findLeaks({ ...figures, upstreamConnectionsAfter: 1 }), [
    "connections to the service",
  ]);
});
