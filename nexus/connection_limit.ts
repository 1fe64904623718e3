import type { Server, Socket } from "node:net";
import { addressGroup } from "@hivematrix/lib/client_address";
import type { Log } from "@hivematrix/lib/log";
import { RateLimit } from "@hivematrix/lib/rate_limit";

/**
 * Closes every connection beyond so many of one address, before a byte of it is read and before a
 * TLS handshake: an answer would cost more than what it refuses. A browser goes on with the
 * connections that it has, or says that this one was closed.
 *
 * @param isExempt for a proxy before Nexus, whose connections are many people's
 */
export function limitConnections(
  server: Server,
  perAddress: number,
  { log, isExempt }: { log: Log; isExempt: (address: string) => boolean },
): void {
  const open = new Map<string, number>();
  // Each address once a minute: a flood of connections must not become one of lines.
  const lines = new RateLimit({ burst: 1, refillSeconds: 60, maxKeys: 1000 });
  // Before node's own listener, which would begin to read.
  server.prependListener("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    if (isExempt(address)) return;
    const group = addressGroup(address);
    const count = open.get(group) ?? 0;
    if (count >= perAddress) {
      socket.destroy();
      if (lines.take(group) === 0) log.warn("too many connections", { address, limit: perAddress });
      return;
    }
    open.set(group, count + 1);
    socket.once("close", () => {
      const left = (open.get(group) ?? 1) - 1;
      if (left === 0) open.delete(group);
      else open.set(group, left);
    });
  });
}
