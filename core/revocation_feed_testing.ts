// For tests: a gateway's end of the revocation feed, as plain as the protocol allows.
import { once } from "node:events";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";

export interface TestFeed {
  readonly socket: Duplex;
  /** Everything that came, in order. */
  readonly messages: Record<string, unknown>[];
  /** The hashes that were said to have ended. */
  revoked(): string[];
  send(message: object): void;
  /** Pings and waits for the pong. @returns the moment of the ping, where the lease counts from */
  ping(): Promise<number>;
  isClosed(): boolean;
}

export interface TestFeedOptions {
  /** Whether each `revoked` is acknowledged at once. Default true. */
  readonly acknowledges?: boolean;
  /** Pings each so many milliseconds. */
  readonly pingMs?: number;
}

export async function openFeed(
  scope: TestScope,
  coreUrl: string,
  authorization: string,
  { acknowledges = true, pingMs }: TestFeedOptions = {},
): Promise<TestFeed> {
  const asked = request(new URL("/api/revocations/feed", coreUrl), {
    headers: { connection: "Upgrade", upgrade: "hivematrix-revocations", authorization },
  });
  asked.end();
  const [, socket, head] = (await once(asked, "upgrade")) as [unknown, Duplex, Buffer];
  if (head.length > 0) socket.unshift(head);
  const messages: Record<string, unknown>[] = [];
  let isClosed = false;
  let lastPing = 0;
  const send = (message: object) => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as Record<string, unknown>;
      messages.push(message);
      if (acknowledges && "revoked" in message) send({ ack: message["id"] });
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
  });
  const timer = pingMs && setInterval(() => send({ ping: ++lastPing }), pingMs);
  scope.after(() => {
    clearInterval(timer);
    socket.destroy();
  });
  await waitFor(() => messages.length > 0, { what: "hello" });
  return {
    socket,
    messages,
    revoked: () => messages.flatMap(({ revoked }) => (revoked as string[] | undefined) ?? []),
    send,
    async ping() {
      const first = lastPing + 1;
      const sentAt = performance.now();
      let sentLast = Number.NEGATIVE_INFINITY;
      const isAnswered = () => {
        // A Core whose own lease is not fresh at this very moment answers none but a later ping.
        if (performance.now() - sentLast > 200) {
          sentLast = performance.now();
          send({ ping: ++lastPing });
        }
        return messages.some(({ pong }) => typeof pong === "number" && pong >= first);
      };
      await waitFor(isAnswered, { what: "pong" });
      return sentAt;
    },
    isClosed: () => isClosed,
  };
}
