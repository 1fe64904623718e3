import {
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";
import { followAnswer } from "@hivematrix/lib/close_server";
import { HttpError } from "@hivematrix/lib/http_error";
import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import { answerHeaders, joinByName } from "./answer_headers.ts";
import type { Upstream } from "./forward.ts";
import { passageHeaders } from "./forward_passage.ts";
import { type GatewayParts, judge, refuse, send } from "./gateway.ts";
import { countAnswer, logAnswer, Passage, type Refuse } from "./passage.ts";
import { refuseAccess, refuseWithoutSession } from "./refusal.ts";
import { hasBody } from "./request_content.ts";
import { missingHeaders } from "./response_headers.ts";
import { findService, findUpstream } from "./service_proxy.ts";
import { readToken, type Session } from "./session_check.ts";

/** How long a service may think about a handshake. */
const handshakeTimeoutMs = 10_000;

interface UpgradeParts extends GatewayParts {
  readonly timeoutMs: number;
}

/**
 * Upgrade requests: the same judgement as any other, session first, then the two sockets joined.
 * A service that does not agree is quoted: its answer goes to the browser as it is.
 */
export function createUpgradeHandler(
  parts: GatewayParts,
  answerOrdinary: RequestListener,
  timeoutMs = handshakeTimeoutMs,
): (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const onFailure: Refuse = (passage, error) => refuse(parts, passage, error);
  const upgradeParts = { ...parts, timeoutMs };
  return (incoming, socket, head) => {
    // A refusal is an ordinary answer, written the ordinary way.
    const outgoing = new ServerResponse(incoming);
    outgoing.shouldKeepAlive = false;
    try {
      outgoing.assignSocket(socket as never);
    } catch {
      // An answer is still on its way there: two protocols at once would be none.
      socket.destroy();
      return;
    }
    followAnswer(socket, outgoing);
    outgoing.once("finish", () => socket.end());
    // Node has let go of the socket, and tells an answer no more when there is room again.
    socket.on("drain", () => outgoing.emit("drain"));
    socket.on("error", () => socket.destroy());
    if (!asksForWebSocket(incoming)) {
      answerOrdinary(incoming, outgoing);
      return;
    }
    const passage = new Passage(parts, incoming, outgoing, onFailure);
    socket.once("close", () => {
      countAnswer(parts.counters, passage);
      logAnswer(parts.log, passage);
    });
    void answer(upgradeParts, passage, socket, head).catch((error: unknown) => {
      passage.log.error("the upgrade broke off", { error });
      socket.destroy();
    });
  };
}

/** Any other protocol may be ignored (RFC 9110 §7.8): the request is answered as if it had not asked. */
function asksForWebSocket(incoming: IncomingMessage): boolean {
  const { method, headers } = incoming;
  const isHandshake = headers.upgrade?.toLowerCase() === "websocket" && method === "GET";
  // node reads no content after an upgrade, so a request with content has to be refused.
  return isHandshake || hasBody(incoming);
}

async function answer(
  parts: UpgradeParts,
  passage: Passage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  try {
    passage.target = judge(parts, passage.incoming);
    const refusal = await connect(parts, passage, socket, head);
    if (refusal !== undefined) send(parts, passage, refusal);
  } catch (error) {
    refuse(parts, passage, error);
  }
}

/** @returns the refusal; `undefined` once the sockets are joined or the service has refused */
async function connect(
  parts: UpgradeParts,
  passage: Passage,
  socket: Duplex,
  head: Buffer,
): Promise<Response | undefined> {
  const { headers, target } = passage;
  if (headers.upgrade?.toLowerCase() !== "websocket" || passage.method !== "GET") {
    throw new HttpError(400, `Only WebSockets can be asked for, not "${headers.upgrade}"`);
  }
  if (hasBody(passage.incoming)) {
    throw new HttpError(400, "A request for a WebSocket cannot have content");
  }
  const sent = parts.sessionCookie.readHeader(headers.cookie);
  passage.foreignCookies = sent.foreignCookies;
  const { token, isFromCookie } = readToken(headers, sent.token);
  if (isFromCookie) requireOwnPage(headers.origin, parts.publicOrigin);
  const session = token === undefined ? undefined : await parts.checkSession(token);
  if (session === undefined) return refuseWithoutSession(parts.pages, passage);
  const { entry, rest, denial } = findService(parts.registry, target.path, session);
  if (denial !== undefined) return refuseAccess(parts.pages, passage, { entry, denial, session });
  await join(parts, passage, { session, socket, head, entry, rest: rest || "/" });
  return undefined;
}

/**
 * Cross-site WebSocket hijacking: browsers do not ask before they send cookies along with a
 * handshake, but they say whose page it comes from.
 *
 * @throws {HttpError} 403 for another site's page
 */
function requireOwnPage(origin: string | undefined, publicOrigin: URL): void {
  if (origin === undefined || origin === publicOrigin.origin) return;
  throw new HttpError(403, "This WebSocket was refused because it comes from another site's page");
}

function join(
  parts: UpgradeParts,
  passage: Passage,
  to: {
    session: Session;
    socket: Duplex;
    head: Buffer;
    entry: ServiceEntry;
    rest: string;
  },
): Promise<void> {
  const { session, socket, head, entry, rest } = to;
  const upstream = findUpstream(entry, parts.publicOrigin);
  const url = upstream.upstreamUrl;
  const { authorization } = session;
  const sent = passageHeaders(parts.publicFacts, passage, upstream, { authorization });
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: url.hostname,
      port: url.port || 80,
      path: upstream.basePath + rest + passage.target.query,
      headers: [...sent, "host", url.host, "connection", "Upgrade", "upgrade", "websocket"],
      timeout: parts.timeoutMs,
      // A connection of its own: one that an earlier refusal has left may end just now.
      agent: false,
    });
    // Before the sockets are joined, a browser that has said its last is gone.
    const giveUp = () => request.destroy();
    socket.once("end", giveUp);
    const counters = parts.counters.of(upstream.name);
    passage.counters = counters;
    request.once("upgrade", (response, service, serviceHead) => {
      passage.answeredAt = performance.now();
      if (!socket.closed) {
        counters.openWebsockets++;
        socket.once("close", () => counters.openWebsockets--);
      }
      socket.off("end", giveUp);
      passage.outgoing.statusCode = 101;
      passage.outgoing.detachSocket(socket as never);
      followAnswer(socket, undefined);
      socket.write(formatHead(response, upstream), "latin1");
      if (serviceHead.length > 0) socket.write(serviceHead);
      if (head.length > 0) service.write(head);
      joinSockets(parts, session, socket, service);
      resolve();
    });
    request.once("response", (response) => {
      passage.answeredAt = performance.now();
      const headers = answerHeaders(response.rawHeaders, upstream);
      headers.push(...missingHeaders(joinByName(headers), parts.defaultHeaders));
      passage.outgoing.writeHead(response.statusCode ?? 502, headers);
      response.pipe(passage.outgoing);
      response.once("close", () => {
        if (!response.complete) socket.destroy();
        resolve();
      });
      endWithBrowser(parts, session, socket);
    });
    request.once("timeout", () => {
      reject(new HttpError(504, `"${entry.name}" did not answer in time`));
      request.destroy();
    });
    request.once("error", (cause) => {
      reject(new HttpError(502, `"${entry.name}" cannot be reached at the moment`, { cause }));
    });
    socket.once("close", () => request.destroy());
    request.end();
  });
}

/** A refusal may be as long as any other answer: it ends with its browser, and with its session. */
function endWithBrowser({ connections }: GatewayParts, session: Session, socket: Duplex): void {
  connections.add(session, socket);
  socket.once("close", () => connections.remove(session, socket));
  // That a browser is gone shows only where it is read.
  socket.resume().once("end", () => socket.destroy());
}

/** Both ways at the slower one's pace, until either side or the session ends. */
function joinSockets(
  { connections }: GatewayParts,
  session: Session,
  browser: Duplex,
  upstream: Duplex,
): void {
  // The browser's side at once, the service's once that is gone: where very many are cut, no
  // browser waits for another one's service.
  const both = { destroy: () => browser.destroy() };
  for (const socket of [browser, upstream]) {
    // A WebSocket may be silent for as long as it likes.
    if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(0);
    if ("setNoDelay" in socket && typeof socket.setNoDelay === "function") socket.setNoDelay(true);
    socket.on("error", () => both.destroy());
    socket.once("close", () => {
      connections.remove(session, both);
      browser.destroy();
      upstream.destroy();
    });
  }
  browser.pipe(upstream).pipe(browser);
  connections.add(session, both);
}

/** The service's 101: which protocol and which key are between it and the browser, and no more than that. */
function formatHead({ rawHeaders }: IncomingMessage, upstream: Upstream): string {
  const headers = ["Connection", "Upgrade", "Upgrade", "websocket"];
  headers.push(...answerHeaders(rawHeaders, upstream));
  const lines: string[] = [];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`;
}
