import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Log } from "./log.ts";
import { findPortHolder } from "./port_holder.ts";

/** Who is at the other end of the connection. */
export interface Peer {
  readonly address: string;
}

export type RequestHandler = (request: Request, peer: Peer) => Promise<Response>;

export interface ServeOptions {
  /** 0 takes any free port. */
  port: number;
  /** Only Nexus has a reason for another address than loopback. */
  hostname?: string;
  /** The name that errors carry. */
  service?: string;
  /** How long `close` waits for what is under way. Default 5 s. */
  drainTimeoutMs?: number;
}

export interface RunningServer {
  readonly url: URL;
  /** Accepts nothing more, finishes what is under way, then is gone. */
  close(): Promise<void>;
}

/**
 * Serves web-standard requests over node:http.
 *
 * @throws {PortTakenError} naming the process that holds the port
 */
export async function serve(handle: RequestHandler, options: ServeOptions): Promise<RunningServer> {
  const server = createServer(requestListener(handle));
  const { port, hostname = "127.0.0.1", service = "the server", drainTimeoutMs } = options;
  await listen(server, { port, hostname, service });
  const address = server.address() as AddressInfo;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: new URL(`http://${host}:${address.port}/`),
    close: () => closeServer(server, drainTimeoutMs),
  };
}

/** A port that somebody else holds; the message names the holder and the way out. */
export class PortTakenError extends Error {
  override readonly name = "PortTakenError";
  readonly isExpected = true;
}

/** Binds a server. @throws {PortTakenError} */
export async function listen(
  server: Server,
  { port, hostname, service }: { port: number; hostname: string; service: string },
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: hostname }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      const holder = await findPortHolder(port);
      const by =
        holder === undefined ? "another process" : `process ${holder.pid} (${holder.command})`;
      throw new PortTakenError(
        `Cannot start ${service}: port ${port} is taken by ${by}; end that process or choose other ports with "helm init --port-offset N"`,
        { cause: error },
      );
    }
    if (code === "EACCES") {
      throw new PortTakenError(
        `Cannot start ${service}: port ${port} may not be bound by this user; use a port above 1023`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** Stops listening, lets running answers finish and cuts what is left after the time. */
export async function closeServer(server: Server, drainTimeoutMs = 5000): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A keep-alive connection that turns idle meanwhile would hold the server open.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), drainTimeoutMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

/** On SIGTERM or SIGINT closes what is given, in that order, and ends the process. */
export function closeOnSignal(log: Log, ...closables: { close(): unknown }[]): void {
  let isClosing = false;
  const close = async (signal: string) => {
    if (isClosing) return;
    isClosing = true;
    log.info("stopping", { signal });
    for (const closable of closables) await closable.close();
    log.info("stopped");
    process.exit(0);
  };
  process.on("SIGTERM", close);
  process.on("SIGINT", close);
}

/** The same conversion for a server that is made elsewhere. */
export function requestListener(
  handle: RequestHandler,
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  return (incoming, outgoing) => {
    void answer(handle, incoming, outgoing);
  };
}

async function answer(
  handle: RequestHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const aborted = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) aborted.abort();
  });
  try {
    const request = toRequest(incoming, aborted.signal);
    const response =
      request === undefined
        ? new Response("Bad Request", { status: 400 })
        : await handle(request, { address: incoming.socket.remoteAddress ?? "" });
    await sendResponse(response, outgoing, incoming.method === "HEAD");
  } catch {
    // The handler turns its own errors into answers; what is left is a connection that broke.
    outgoing.destroy();
  } finally {
    // A body that nobody read would keep the connection from carrying the next request.
    if (!incoming.complete) incoming.resume();
  }
}

/** `undefined` for a target that no URL can be made of, or a method that fetch forbids (TRACE). */
function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { method = "GET", url: target = "/", rawHeaders } = incoming;
  // `new URL(target, base)` would let `//host/` name another host; a plain join does not.
  if (!target.startsWith("/")) return undefined;
  try {
    const url = new URL(`http://${incoming.headers.host ?? "localhost"}${target}`);
    const headers = new Headers();
    for (let i = 0; i < rawHeaders.length; i += 2) {
      headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
    }
    const hasBody = method !== "GET" && method !== "HEAD";
    const body = hasBody ? (Readable.toWeb(incoming) as ReadableStream<Uint8Array>) : null;
    return new Request(url, { method, headers, body, signal, ...(hasBody && { duplex: "half" }) });
  } catch {
    return undefined;
  }
}

/** Writes a web-standard response to node's, streaming its body. */
export async function sendResponse(
  response: Response,
  outgoing: ServerResponse,
  withoutBody = false,
): Promise<void> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") headers[name] = value;
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  outgoing.writeHead(response.status, headers);
  if (withoutBody || response.body === null) {
    await response.body?.cancel();
    outgoing.end();
    return;
  }
  await pipeline(Readable.fromWeb(response.body as never), outgoing);
}
