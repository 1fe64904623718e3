import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { closeServer, endAtClose, followConnections, followUpgrade } from "./close_server.ts";
import { createLog, type Log } from "./log.ts";
import { findPortHolder } from "./port_holder.ts";
import { pump } from "./pump.ts";
import { toRequest } from "./web_request.ts";

/** Who is at the other end of the connection. */
export interface Peer {
  readonly address: string;
}

export type RequestHandler = (request: Request, peer: Peer) => Promise<Response>;

/** Takes over the connection of a request that asks for another protocol (RFC 9110 §7.8). */
export type UpgradeHandler = (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface ServeOptions {
  /** 0 takes any free port. */
  port: number;
  /** Only Nexus has a reason for another address than loopback. */
  hostname?: string;
  /** The name that errors carry. */
  service?: string;
  /** How long `close` waits for what is under way. Default 5 s. */
  drainTimeoutMs?: number;
  /** For what a handler throws, at once or while its body is sent. Default: standard output. */
  log?: Log;
  /**
   * Gets every request with an Upgrade header. Its connections are cut by `close`, after the
   * answers that are under way.
   */
  onUpgrade?: UpgradeHandler;
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
  const { port, hostname = "127.0.0.1", service = "the server", drainTimeoutMs, log } = options;
  const server = createServer(requestListener(handle, log));
  if (options.onUpgrade !== undefined) handUpgradesTo(server, options.onUpgrade);
  await listen(server, { port, hostname, service });
  const address = server.address() as AddressInfo;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: new URL(`http://${host}:${address.port}/`),
    close: () => closeServer(server, { drainTimeoutMs }),
  };
}

/** A port that somebody else holds; the message names the holder and the way out. */
export class PortTakenError extends Error {
  override readonly name = "PortTakenError";
  readonly isExpected = true;
}

/** Hands every request with an Upgrade header on; `closeServer` cuts such connections at the end. */
export function handUpgradesTo(server: Server, onUpgrade: UpgradeHandler): void {
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    followUpgrade(socket);
    // Node takes its own listener off; without one, a peer that resets would end the process.
    socket.on("error", () => socket.destroy());
    onUpgrade(incoming, socket, head);
  });
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
        `Cannot start ${service}: port ${port} is taken by ${by}; end that process, or choose another port with "helm config set apps.${service}.port <port>"`,
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
  followConnections(server);
}

/** On SIGTERM or SIGINT closes what is given, in that order, and ends the process. */
export function closeOnSignal(log: Pick<Log, "info">, ...closables: { close(): unknown }[]): void {
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
  log = createLog("serve"),
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  return (incoming, outgoing) => {
    void answer(handle, log, incoming, outgoing);
  };
}

/** A Request holds its signal's source weakly, so it has to live as long as its answer. */
const requests = new WeakMap<ServerResponse, Request>();

async function answer(
  handle: RequestHandler,
  log: Log,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const aborted = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) aborted.abort();
  });
  try {
    const request = readRequest(incoming, aborted.signal);
    if (request instanceof Request) requests.set(outgoing, request);
    const response =
      request instanceof Response
        ? request
        : await handle(request, { address: incoming.socket.remoteAddress ?? "" });
    await sendResponse(response, outgoing, incoming.method === "HEAD");
  } catch (error) {
    // Whoever is gone gets no answer, and that is nobody's failure.
    if (!aborted.signal.aborted) {
      log.error("cannot answer a request", { method: incoming.method, error });
    }
    if (outgoing.headersSent) outgoing.destroy();
    else await sendResponse(problem(500, "Something went wrong on our side"), outgoing);
  } finally {
    // A body that nobody read to its end would keep the connection from carrying the next request.
    incoming.removeAllListeners("readable");
    incoming.resume();
  }
}

/** The request, or the answer to what no request can be made of. */
function readRequest(incoming: IncomingMessage, signal: AbortSignal): Request | Response {
  // A server that echoes TRACE shows scripts the cookies that are hidden from them.
  if (incoming.method === "TRACE") return problem(501, "TRACE is not answered here");
  try {
    return toRequest(incoming, signal);
  } catch (error) {
    return problem(400, error instanceof Error ? error.message : String(error));
  }
}

function problem(status: number, detail: string): Response {
  const headers = { "content-type": "application/problem+json", "cache-control": "no-store" };
  return new Response(JSON.stringify({ type: "about:blank", status, detail }), { status, headers });
}

/** Writes a web-standard response to node's, streaming its body. */
export async function sendResponse(
  response: Response,
  outgoing: ServerResponse,
  withoutBody = false,
): Promise<void> {
  const headers: Record<string, string | string[]> = {};
  const type = response.headers.get("content-type");
  if (type?.startsWith("text/event-stream")) endAtClose(outgoing);
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") headers[name] = value;
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  outgoing.writeHead(response.status, headers);
  if (withoutBody || response.body === null) {
    outgoing.end();
    await response.body?.cancel();
    return;
  }
  // Node keeps the head back until the first byte of the body, which a stream of events may take
  // long to send.
  const flush = setImmediate(() => {
    if (!outgoing.writableEnded) outgoing.flushHeaders();
  });
  try {
    await pump(response.body, outgoing);
  } finally {
    clearImmediate(flush);
  }
}
