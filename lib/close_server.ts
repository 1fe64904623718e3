// How a server stops without failing a request that it has accepted.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Server as TlsServer } from "node:tls";

const answer = Symbol("the last answer on this connection");
const isUpgraded = Symbol("whether this connection carries another protocol");

/** A connection knows its last answer: cheaper than a list of all answers under way. */
interface Connection extends Socket {
  [answer]?: ServerResponse | undefined;
  [isUpgraded]?: true;
}

/** What a bound server has open. */
interface Open {
  /** With TLS only those whose handshake is done. */
  readonly connections: Set<Connection>;
  readonly handshakes: Set<Socket>;
  readonly sessions: Set<ServerHttp2Session>;
}

/** Answers that have no end of their own. */
const endless = new WeakSet<ServerResponse>();
/** What is ended last gets so long to be on its way. */
const endLimitMs = 100;

const openOf = new WeakMap<Server, Open>();
const closing = new WeakMap<Server, (outgoing: ServerResponse) => void>();

/** To be called before the first connection, so that `closeServer` knows them all. */
export function followConnections(server: Server): void {
  const open: Open = { connections: new Set(), handshakes: new Set(), sessions: new Set() };
  openOf.set(server, open);
  const hasTls = server instanceof TlsServer;
  server.on("connection", (socket) => keep(hasTls ? open.handshakes : open.connections, socket));
  server.on("secureConnection", (socket) => keep(open.connections, socket));
  server.on("session", (session) => keep(open.sessions, session));
  server.prependListener("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // An HTTP/2 session knows its streams.
    if (incoming.httpVersionMajor < 2) followAnswer(incoming.socket, outgoing);
    if (server.listening) return;
    // While the server closes, the client learns that this connection takes no further request.
    outgoing.shouldKeepAlive = false;
    closing.get(server)?.(outgoing);
  });
}

function keep<T extends Socket | ServerHttp2Session>(all: Set<T>, one: T): void {
  all.add(one);
  one.once("close", () => all.delete(one));
}

/** A connection that carries another protocol by now is cut at the end, unless an answer is under way. */
export function followUpgrade(connection: Duplex): void {
  (connection as Connection)[isUpgraded] = true;
}

/** For answers that no "request" event tells of; `undefined` when there will be none. */
export function followAnswer(connection: Duplex, outgoing: ServerResponse | undefined): void {
  (connection as Connection)[answer] = outgoing;
}

/**
 * An event stream has no end of its own. When the time of a close is over it is ended and not cut, so
 * that its reader does not take the end for a failure and comes again (HTML, "server-sent events").
 */
export function endAtClose(outgoing: ServerResponse): void {
  endless.add(outgoing);
}

export interface CloseTimes {
  /** After this, what is still under way is cut. Default 5 s. */
  readonly drainTimeoutMs?: number | undefined;
  /**
   * How long a kept connection without a request stays open. Its next request may be on its way and
   * would be lost (RFC 9112 §9.6); within this time it is answered with `Connection: close`. Default
   * 50 ms, enough for clients on this machine.
   */
  readonly lingerMs?: number | undefined;
}

/**
 * Stops listening and lets the answers under way finish; after the time, ends event streams and cuts
 * what is left. HTTP/2 clients learn by GOAWAY which of their requests will be answered.
 *
 * @param server bound by `listen`
 */
export async function closeServer(
  server: Server,
  { drainTimeoutMs = 5000, lingerMs = 50 }: CloseTimes = {},
): Promise<void> {
  const open = openOf.get(server);
  // node:http's own close would begin by cutting kept connections.
  const closed = new Promise<void>((resolve) => {
    NetServer.prototype.close.call(server, () => resolve());
  });
  if (open === undefined) return await closed;
  const { connections, handshakes, sessions } = open;
  let lastEndAt = performance.now();
  closing.set(server, (outgoing) => {
    outgoing.once("close", () => {
      lastEndAt = performance.now();
    });
  });
  for (const connection of connections) {
    if (isAnswering(connection)) closing.get(server)?.(connection[answer] as ServerResponse);
  }
  for (const session of sessions) session.close();

  const cutAll = () => {
    for (const one of [...sessions, ...connections, ...handshakes]) one.destroy();
  };
  const look = () => {
    // An answer that had begun before has not told its client, who may use the connection again.
    if (performance.now() - lastEndAt < lingerMs) return;
    server.closeIdleConnections();
    for (const connection of connections) if (connection.bytesRead === 0) connection.destroy();
    const isUnderWay = [...connections].some(hasRequest) || sessions.size > 0;
    if (!isUnderWay) cutAll();
  };
  // After reading what has arrived, so that no request is overlooked.
  const sweep = setInterval(() => setImmediate(look), 20);
  const end = setTimeout(() => {
    for (const { [answer]: last } of connections) if (last && endless.has(last)) last.end();
  }, drainTimeoutMs);
  const cut = setTimeout(cutAll, drainTimeoutMs === 0 ? 0 : drainTimeoutMs + endLimitMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(end);
  clearTimeout(cut);
  // Ends what node:http does at intervals.
  server.close();
}

function isAnswering({ [answer]: last }: Connection): boolean {
  return last !== undefined && !last.destroyed;
}

/** Whether it has a request, whole or in part: those between two requests are closed already. */
function hasRequest(connection: Connection): boolean {
  return isAnswering(connection) || !(connection[isUpgraded] || connection.destroyed);
}
