import type { IncomingMessage, RequestListener } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import { sendResponse } from "@hivematrix/lib/serve";
import { readTarget, requireOneHost } from "./canonical_target.ts";
import { requireSameOrigin } from "./cross_origin.ts";
import { requireSmallHead } from "./head_limits.ts";
import { forwardToKeycloak, type KeycloakProxyParts } from "./keycloak_proxy.ts";
import { requireKnownHost } from "./known_host.ts";
import type { NexusLimits } from "./limits.ts";
import type { OwnHandler, OwnPage, SessionHandler } from "./own_request.ts";
import {
  countAnswer,
  logAnswer,
  Passage,
  type PassageParts,
  type Refuse,
  SessionEndedError,
} from "./passage.ts";
import { refuseWithError, refuseWithoutSession } from "./refusal.ts";
import { requirePlainFraming } from "./request_framing.ts";
import { forwardToService, type ServiceProxyParts } from "./service_proxy.ts";
import { readToken, type Session, type SessionCheck } from "./session_check.ts";
import type { SessionCookie } from "./session_cookie.ts";

/** What the gateway decides with. */
export interface GatewayParts extends ServiceProxyParts, KeycloakProxyParts, PassageParts {
  readonly limits: NexusLimits;
  /** Of every answer of Nexus's own that has none of its own. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  readonly sessionCookie: SessionCookie;
  readonly checkSession: SessionCheck;
  /** Pages of Nexus's own that need no session, by path. */
  readonly openPages: ReadonlyMap<string, OwnPage<OwnHandler>>;
  /** Pages of Nexus's own for whoever is signed in, by path. */
  readonly sessionPages: ReadonlyMap<string, OwnPage<SessionHandler>>;
  readonly staticFiles: OwnHandler;
}

/** What is answered; `undefined`: an upstream's answer is on its way. */
type Decision = Response | undefined | Promise<Response | undefined>;

/**
 * The decision for each request, in order: is it sound, is it ours, who sends it, may they.
 *
 * A request of a session that is trusted gets to its service within one turn of the event loop and
 * without a promise: under load that is a tenth of its cost.
 */
export function createGateway(parts: GatewayParts): RequestListener {
  const onFailure: Refuse = (passage, error) => refuse(parts, passage, error);
  return (incoming, outgoing) => {
    const passage = new Passage(parts, incoming, outgoing, onFailure);
    outgoing.on("close", () => end(parts, passage));
    if (outgoing.socket === null) watchQueued(parts, passage);
    try {
      passage.target = judge(parts, incoming);
      settle(parts, passage, decide(parts, passage));
    } catch (error) {
      refuse(parts, passage, error);
    }
  };
}

function settle(parts: GatewayParts, passage: Passage, decision: Decision): void {
  if (decision instanceof Promise) {
    decision
      .then((decided) => settle(parts, passage, decided))
      .catch((error: unknown) => refuse(parts, passage, error));
  } else if (decision !== undefined) send(parts, passage, decision);
}

/** Answers with an error. Whatever goes wrong with that, too, ends this answer and nobody else's. */
export function refuse(parts: GatewayParts, passage: Passage, error: unknown): void {
  try {
    const { pages } = parts;
    const hasEnded = error instanceof SessionEndedError;
    const refusal = hasEnded
      ? refuseWithoutSession(pages, passage)
      : refuseWithError(pages, passage, error);
    send(parts, passage, refusal);
  } catch (failure) {
    giveUp(passage, failure);
  }
}

/** Nothing more can be said to this browser; the log keeps what happened. */
function giveUp({ log, outgoing }: Passage, error: unknown): void {
  log.error("the answer broke off", { error });
  outgoing.destroy();
}

/**
 * Behind another answer of its connection an answer has no socket yet, and hears nothing of that
 * one's end; nor does its request, once node has handed the connection on for an upgrade.
 */
function watchQueued(parts: GatewayParts, passage: Passage): void {
  const { incoming, outgoing } = passage;
  const { socket } = incoming;
  const onClose = () => {
    if (outgoing.socket === null && !outgoing.writableFinished) end(parts, passage);
  };
  socket.setMaxListeners(0).once("close", onClose);
  outgoing.once("close", () => socket.off("close", onClose));
}

/** The answer is complete, or its browser gone. */
function end({ connections, counters, log }: GatewayParts, passage: Passage): void {
  const { session, exchange, outgoing } = passage;
  if (session !== undefined) connections.remove(session, passage);
  if (!outgoing.writableFinished) exchange?.abort();
  if (passage.counters !== undefined) passage.counters.openRequests--;
  countAnswer(counters, passage);
  logAnswer(log, passage);
}

/** What is refused whoever sends it. @throws {HttpError} 400, 405, 414, 421, 431, 501, 505 */
export function judge({ publicOrigin, limits }: GatewayParts, incoming: IncomingMessage) {
  const { method = "GET", url = "/", headers } = incoming;
  requireSmallHead(incoming, limits);
  requireOneHost(incoming);
  requirePlainFraming(incoming);
  const target = readTarget(url, headers.host ?? "");
  // The supervisor asks by address, not by name; the stylesheet is for the refusal's page.
  const isForAnyHost = target.path === "/health" || target.path.startsWith("/static/");
  if (!isForAnyHost) requireKnownHost(headers.host, publicOrigin);
  if (method === "TRACE" || method === "CONNECT") requireMethod(["GET", "HEAD", "POST"], method);
  return target;
}

function decide(parts: GatewayParts, passage: Passage): Decision {
  const { target, method, headers } = passage;
  if (target.path.startsWith("/keycloak/")) return forwardToKeycloak(parts, passage);
  if (target.path.startsWith("/static/")) return parts.staticFiles(passage);
  const sent = parts.sessionCookie.readHeader(headers.cookie);
  passage.foreignCookies = sent.foreignCookies;
  const { token, isFromCookie } = readToken(headers, sent.token);
  // No page can make a browser send a Bearer token that it does not have itself.
  if (isFromCookie) requireSameOrigin(method, headers, parts.publicOrigin.origin);
  const openPage = parts.openPages.get(target.path);
  if (openPage !== undefined) {
    requireMethod(openPage.methods, method);
    return openPage.handler(passage);
  }

  const session = token === undefined ? undefined : parts.checkSession(token);
  if (!(session instanceof Promise)) return answerFor(parts, passage, session);
  return session.then((checked) => answerFor(parts, passage, checked));
}

function answerFor(parts: GatewayParts, passage: Passage, session: Session | undefined): Decision {
  if (session === undefined) return refuseWithoutSession(parts.pages, passage);
  const page = parts.sessionPages.get(passage.target.path);
  if (page === undefined) return forwardToService(parts, passage, session);
  requireMethod(page.methods, passage.method);
  return page.handler(passage, session);
}

/** @throws {HttpError} 405 naming the methods that are answered */
function requireMethod(methods: readonly string[], method: string): void {
  if (methods.includes(method)) return;
  throw new HttpError(405, `${method} is not answered here, only ${methods.join(", ")}`, {
    headers: { allow: methods.join(", ") },
  });
}

export function send({ ownHeaders }: GatewayParts, passage: Passage, response: Response): void {
  const { incoming, outgoing } = passage;
  for (const [name, value] of Object.entries(ownHeaders)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  sendResponse(response, outgoing, incoming.method === "HEAD").catch((error: unknown) =>
    giveUp(passage, error),
  );
}
