import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { requireFreePort } from "./port_check.ts";

test("a port is free until somebody listens, on loopback or everywhere", async (t) => {
  for (const address of ["127.0.0.1", "0.0.0.0"]) {
    const server = createServer().listen(0, address);
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await assert.rejects(
      requireFreePort("web", port),
      new RegExp(`Cannot start web: port ${port} is taken by process ${process.pid} `),
    );
    await new Promise((resolve) => server.close(resolve));
    await requireFreePort("web", port);
    // The check itself holds the port no longer than it takes.
    await requireFreePort("web", port);
  }
});
