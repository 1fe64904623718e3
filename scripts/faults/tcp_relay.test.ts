import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startRelay } from "./tcp_relay.ts";

/** A connection through a relay, and what each end has received. */
async function startConnection(t: TestScope, firstWords: string) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const relay = await startRelay(t, () => (server.address() as AddressInfo).port);
  const nexus = connect(Number(new URL(relay.url).port), "127.0.0.1");
  nexus.write(firstWords);
  const [core] = (await once(server, "connection")) as [Socket];
  t.after(() => core.destroy());
  const received = { nexus: "", core: "" };
  nexus.on("data", (chunk) => {
    received.nexus += chunk;
  });
  core.on("data", (chunk) => {
    received.core += chunk;
  });
  for (const socket of [nexus, core]) socket.on("error", () => {});
  await waitFor(() => received.core === firstWords);
  return { relay, nexus, core, received };
}

test("what is held waits in its order, the other direction passes", async (t) => {
  const { relay, nexus, core, received } = await startConnection(t, "POST / HTTP/1.1");
  relay.hold("other", "toNexus");
  core.write("a");
  nexus.write("!");
  await waitFor(() => received.core.endsWith("!"));
  core.write("b");
  assert.equal(received.nexus, "");
  relay.release("other", "toNexus");
  core.write("c");
  await waitFor(() => received.nexus === "abc");
});

test("what came before a delay's end or a hold's begin keeps its conditions", async (t) => {
  const { relay, core, received } = await startConnection(t, "POST / HTTP/1.1");
  relay.delay("other", "toNexus", 150);
  const sentAt = performance.now();
  core.write("late");
  await new Promise((resolve) => setTimeout(resolve, 50));
  relay.hold("other", "toNexus");
  core.write(" held");
  await waitFor(() => received.nexus === "late");
  assert.ok(performance.now() - sentAt > 140);
  relay.mend();
  await waitFor(() => received.nexus === "late held");
});

test("the feed is a lane of its own", async (t) => {
  const start = "GET /api/revocations/feed HTTP/1.1\r\n";
  const { relay, core, received } = await startConnection(t, start);
  relay.hold("other", "toNexus");
  relay.cut("other", "both");
  core.write("pong");
  await waitFor(() => received.nexus === "pong");
  assert.equal(core.destroyed, false);
});

test("an end that is lost while its direction is held shows after the release", async (t) => {
  const { relay, nexus, core } = await startConnection(t, "POST / HTTP/1.1");
  let isNexusClosed = false;
  nexus.once("close", () => {
    isNexusClosed = true;
  });
  relay.hold("other", "toNexus");
  relay.cut("other", "core");
  await waitFor(() => core.readableEnded || core.destroyed);
  assert.equal(isNexusClosed, false);
  relay.mend();
  await waitFor(() => isNexusClosed);
});
