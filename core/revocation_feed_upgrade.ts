import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Handler } from "@hivematrix/lib/router";
import type { UpgradeHandler } from "@hivematrix/lib/serve";
import type { RevocationFeeds } from "./revocation_feeds.ts";
import { type ServiceCredentials, unauthenticated } from "./service_credentials.ts";

export const feedPath = "/api/revocations/feed";
const protocol = "hivematrix-revocations";

/**
 * Opens Nexus's feed: `GET /api/revocations/feed` with `Upgrade: hivematrix-revocations` (RFC 9110
 * §7.8) and Nexus's own credential. Nobody else may know which sessions end.
 */
export function acceptFeeds(options: {
  feeds: RevocationFeeds;
  credentials: ServiceCredentials;
}): UpgradeHandler {
  const { feeds, credentials } = options;
  return (incoming, socket, head) => {
    try {
      requireFeedRequest(incoming, credentials);
    } catch (error) {
      refuse(socket, error instanceof HttpError ? error : new HttpError(500, "Something is wrong"));
      return;
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
    );
    if (head.length > 0) socket.unshift(head);
    feeds.accept(socket);
  };
}

/** GET /api/revocations/feed without an upgrade. @throws {HttpError} 426 */
export function requireUpgrade(): Handler {
  return () => {
    throw needsUpgrade();
  };
}

function requireFeedRequest(incoming: IncomingMessage, credentials: ServiceCredentials): void {
  const path = (incoming.url ?? "").split("?", 1)[0];
  if (path !== feedPath || incoming.method !== "GET") {
    throw new HttpError(404, `There is nothing to upgrade at ${incoming.method} ${path}`);
  }
  if (incoming.headers.upgrade?.toLowerCase() !== protocol) throw needsUpgrade();
  const service = credentials.authenticate(incoming.headers.authorization ?? null);
  if (service === undefined) {
    throw unauthenticated("Nexus must prove itself with HTTP Basic");
  }
  if (service !== "nexus") throw new HttpError(403, `The feed is for Nexus, not for "${service}"`);
}

function needsUpgrade(): HttpError {
  return new HttpError(426, `${feedPath} speaks only ${protocol}`, {
    headers: { upgrade: protocol, connection: "upgrade" },
  });
}

/** There is no ServerResponse here, so the answer is written by hand. */
function refuse(socket: Duplex, { status, message, headers }: HttpError): void {
  const body = JSON.stringify({ type: "about:blank", status, detail: message });
  const fields = {
    ...headers,
    "content-type": "application/problem+json",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join("")}\r\n${body}`);
}
