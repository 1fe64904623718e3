import type { IncomingMessage, RequestListener } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { sendResponse } from "@hivematrix/lib/serve";
import { readTarget, requireOneHost } from "./canonical_target.ts";
import { requireSameOrigin } from "./cross_origin.ts";
import { forwardToKeycloak, type KeycloakProxyParts } from "./keycloak_proxy.ts";
import { requireKnownHost } from "./known_host.ts";
import type { OwnHandler, OwnPage, SessionHandler } from "./own_request.ts";
import { logAnswer, Passage } from "./passage.ts";
import { refuseWithError, refuseWithoutSession } from "./refusal.ts";
import { forwardToService, type ServiceProxyParts } from "./service_proxy.ts";
import { readToken, type Session, type SessionCheck } from "./session_check.ts";
import type { SessionCookie } from "./session_cookie.ts";

/** What the gateway decides with. */
export interface GatewayParts extends ServiceProxyParts, KeycloakProxyParts {
  readonly log: Log;
  readonly sessionCookie: SessionCookie;
  readonly checkSession: SessionCheck;
  /** Pages of Nexus's own that need no session, by path. */
  readonly openPages: ReadonlyMap<string, OwnPage<OwnHandler>>;
  /** Pages of Nexus's own for whoever is signed in, by path. */
  readonly sessionPages: ReadonlyMap<string, OwnPage<SessionHandler>>;
  readonly staticFiles: OwnHandler;
}

/** The decision for each request, in order: is it sound, is it ours, who sends it, may they. */
export function createGateway(parts: GatewayParts): RequestListener {
  return (incoming, outgoing) => {
    const startedAt = performance.now();
    const passage = new Passage(parts.log, incoming, outgoing);
    outgoing.once("close", () => logAnswer(passage, startedAt));
    void answer(parts, passage).catch((error: unknown) => {
      // Nothing more can be said to this browser; the log keeps what happened.
      passage.log.error("the answer broke off", { error });
      outgoing.destroy();
    });
  };
}

async function answer(parts: GatewayParts, passage: Passage): Promise<void> {
  let response: Response | undefined;
  try {
    passage.target = judge(parts, passage.incoming);
    response = await decide(parts, passage);
  } catch (error) {
    response = refuseWithError(parts.pages, passage, error);
  }
  // `undefined`: an upstream's answer has been sent already.
  if (response !== undefined) await send(parts, passage, response);
}

/** What is refused whoever sends it. @throws {HttpError} 400, 405, 421 */
export function judge({ publicOrigin }: GatewayParts, incoming: IncomingMessage) {
  const { method = "GET", url = "/", headers } = incoming;
  requireOneHost(incoming);
  const target = readTarget(url, headers.host ?? "");
  // The supervisor asks by address, not by name; the stylesheet is for the refusal's page.
  const isForAnyHost = target.path === "/health" || target.path.startsWith("/static/");
  if (!isForAnyHost) requireKnownHost(headers.host, publicOrigin);
  if (method === "TRACE" || method === "CONNECT") requireMethod(["GET", "HEAD", "POST"], method);
  return target;
}

async function decide(parts: GatewayParts, passage: Passage): Promise<Response | undefined> {
  const { target, method, headers, cookies } = passage;
  if (target.path.startsWith("/keycloak/")) return await forwardToKeycloak(parts, passage);
  if (target.path.startsWith("/static/")) return await parts.staticFiles(passage);
  const { token, isFromCookie } = readToken(headers, () => parts.sessionCookie.read(cookies));
  // No page can make a browser send a Bearer token that it does not have itself.
  if (isFromCookie) requireSameOrigin(method, headers, parts.publicOrigin.origin);
  const openPage = parts.openPages.get(target.path);
  if (openPage !== undefined) {
    requireMethod(openPage.methods, method);
    return await openPage.handler(passage);
  }

  const session = token === undefined ? undefined : await parts.checkSession(token);
  if (session === undefined) return refuseWithoutSession(parts.pages, passage);
  return await answerSignedIn(parts, passage, session);
}

async function answerSignedIn(
  parts: GatewayParts,
  passage: Passage,
  session: Session,
): Promise<Response | undefined> {
  const page = parts.sessionPages.get(passage.target.path);
  if (page === undefined) return await forwardToService(parts, passage, session);
  requireMethod(page.methods, passage.method);
  return await page.handler(passage, session);
}

/** @throws {HttpError} 405 naming the methods that are answered */
function requireMethod(methods: readonly string[], method: string): void {
  if (methods.includes(method)) return;
  throw new HttpError(405, `${method} is not answered here, only ${methods.join(", ")}`, {
    headers: { allow: methods.join(", ") },
  });
}

async function send(
  { defaultHeaders }: GatewayParts,
  { incoming, outgoing }: Passage,
  response: Response,
): Promise<void> {
  for (const [name, value] of Object.entries(defaultHeaders)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  await sendResponse(response, outgoing, incoming.method === "HEAD");
}
