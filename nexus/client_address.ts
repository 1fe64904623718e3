import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/** Where a request comes from, for the log, the limits, the services and the person's own list. */
export type ReadClientAddress = (
  incoming: Pick<IncomingMessage, "socket" | "headers">,
) => string | undefined;

/**
 * The connection's other end, unless that is a proxy of ours: then the last address of its
 * X-Forwarded-For that is none. What stands before that in the header, a client can have written.
 *
 * @param trustedProxies addresses of proxies before Nexus
 */
export function createClientAddress(trustedProxies: readonly string[]): ReadClientAddress {
  if (trustedProxies.length === 0) return ({ socket }) => socket.remoteAddress;
  const isTrusted = createIsTrusted(trustedProxies);
  return ({ socket, headers }) => {
    const peer = socket.remoteAddress;
    if (peer === undefined || !isTrusted(peer)) return peer;
    const header = headers["x-forwarded-for"];
    const named = String(header ?? "")
      .split(",")
      .map((address) => address.trim());
    const client = named.findLast((address) => !isTrusted(address));
    return client !== undefined && isIP(client) !== 0 ? client : peer;
  };
}

/** Whether an address is a proxy's. @param trustedProxies IPv4 also as it looks on an IPv6 socket */
export function createIsTrusted(trustedProxies: readonly string[]): (address: string) => boolean {
  const trusted = new Set(trustedProxies.flatMap((address) => [address, `::ffff:${address}`]));
  return (address) => trusted.has(address);
}
