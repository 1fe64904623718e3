// The one retry. A service closes a connection that has been idle for as long as it likes, perhaps
// just when the next request is on its way to it: nobody has done anything wrong, and nothing was done.
import type { IncomingMessage } from "node:http";
import { buildConnector, errors } from "undici";

/**
 * Whether a failed request may be sent once more: it is idempotent and has no content (RFC 9110
 * §9.2.2), and the connection that died had carried an answer before.
 *
 * @param hasContent content is gone once it was sent
 */
export function mayRetry(
  { method = "GET" }: Pick<IncomingMessage, "method">,
  hasContent: boolean,
  error: Error,
): boolean {
  return !hasContent && idempotent.has(method) && isFromUsedConnection(error);
}

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** undici's own connector, whose connections mark the errors that end them. */
export function createConnector(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs });
  return (options, callback) => {
    connect(options, (...connected: buildConnector.CallbackArgs) => {
      const socket = connected[1];
      socket?.prependListener("error", (error: Error) => {
        if (hasAnswered(socket) && isFromPeer(error)) fromUsedConnections.add(error);
      });
      callback(...connected);
    });
  };
}

const fromUsedConnections = new WeakSet<Error>();

function isFromUsedConnection(error: Error): boolean {
  if (fromUsedConnections.has(error)) return true;
  // A connection that ends without an error of its own is described by undici's.
  return error instanceof errors.SocketError && hasAnswered(error.socket);
}

/** What the other side has done to the connection; a service that is late is no such error. */
function isFromPeer({ code }: NodeJS.ErrnoException): boolean {
  return code === "ECONNRESET" || code === "EPIPE";
}

function hasAnswered(socket: { readonly bytesRead?: number } | null | undefined): boolean {
  return (socket?.bytesRead ?? 0) > 0;
}
