import assert from "node:assert/strict";
import test from "node:test";
import { isBlockedPort } from "./blocked_ports.ts";

/** fetch says so before it looks for anybody on the port. */
async function isRefusedByFetch(port: number): Promise<boolean> {
  const error = await fetch(`http://127.0.0.1:${port}/`, { method: "HEAD" }).catch((e) => e);
  return error instanceof Error && String((error.cause as Error)?.message) === "bad port";
}

test("what fetch refuses is what counts as blocked, and nothing beside it", async () => {
  const blocked = Array.from({ length: 65_536 }, (_, port) => port).filter(isBlockedPort);
  assert.ok(blocked.includes(6000) && blocked.includes(10_080));
  const ports = new Set(blocked.flatMap((port) => [port - 1, port, port + 1]).filter(Boolean));
  for (const port of ports)
    assert.equal(await isRefusedByFetch(port), isBlockedPort(port), `${port}`);
});
