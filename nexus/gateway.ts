import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { readBearer } from "@hivematrix/lib/auth";
import { readCookies } from "@hivematrix/lib/cookies";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { sendResponse } from "@hivematrix/lib/serve";
import type { ServiceEntry, ServiceRegistry } from "@hivematrix/lib/service_registry";
import { createRequestId, createTraceparent, isTraceparent } from "@hivematrix/lib/trace";
import { findDenial, reservedNames } from "./access_rules.ts";
import { pathBelow, readTarget, requireOneHost } from "./canonical_target.ts";
import type { Additions } from "./compose_html.ts";
import { HtmlComposer } from "./compose_html.ts";
import { asksForDocument } from "./composition_rules.ts";
import type { CookieNames } from "./cookie_names.ts";
import { requireSameOrigin } from "./cross_origin.ts";
import type { Forwarder } from "./forward.ts";
import { requestHeaders } from "./forwarded_headers.ts";
import { requireKnownHost } from "./known_host.ts";
import type { OwnHandler, OwnRequest } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import { refuseAccess, refuseWithError, refuseWithoutSession } from "./refusal.ts";
import type { Session, SessionCheck } from "./session_check.ts";
import type { SessionCookie } from "./session_cookie.ts";

/** What the gateway decides with. */
export interface GatewayParts {
  readonly publicOrigin: URL;
  readonly log: Log;
  readonly pages: Pages;
  readonly registry: ServiceRegistry;
  readonly forwarder: Forwarder;
  readonly cookieNames: CookieNames;
  readonly sessionCookie: SessionCookie;
  readonly checkSession: SessionCheck;
  readonly defaultHeaders: Readonly<Record<string, string>>;
  /** Pages of Nexus's own that need no session, by path. */
  readonly openPages: ReadonlyMap<string, OwnHandler>;
  /** Pages of Nexus's own for whoever is signed in, by path. */
  readonly sessionPages: ReadonlyMap<string, (request: OwnRequest, session: Session) => Response>;
  readonly staticFiles: OwnHandler;
  readonly keycloakUrl: string;
  readonly additions: (session: Session, current: string) => Additions;
}

/** A request on its way through the gateway. */
interface Passage extends OwnRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly traceparent: string;
}

/** The decision for each request, in order: is it sound, is it ours, who sends it, may they. */
export function createGateway(parts: GatewayParts): RequestListener {
  return (incoming, outgoing) => {
    const startedAt = performance.now();
    const passage = beginPassage(parts, incoming, outgoing);
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
    const target = judge(parts, passage.incoming);
    const parameters = new URLSearchParams(target.query);
    response = await decide(parts, { ...passage, target, parameters });
  } catch (error) {
    response = refuseWithError(parts.pages, passage, error);
  }
  // `undefined`: an upstream's answer has been sent already.
  if (response !== undefined) await send(parts, passage, response);
}

/** What is refused whoever sends it. @throws {HttpError} 400, 403, 405, 421 */
function judge({ publicOrigin }: GatewayParts, incoming: IncomingMessage) {
  const { method = "GET", url = "/", headers } = incoming;
  requireOneHost(incoming);
  const target = readTarget(url, headers.host ?? "");
  // The supervisor asks by address, not by name; the stylesheet is for the refusal's page.
  const isForAnyHost = target.path === "/health" || target.path.startsWith("/static/");
  if (!isForAnyHost) requireKnownHost(headers.host, publicOrigin);
  if (method === "TRACE" || method === "CONNECT") {
    throw new HttpError(405, `${method} is not offered`, { headers: { allow: "GET, HEAD, POST" } });
  }
  return target;
}

async function decide(parts: GatewayParts, passage: Passage): Promise<Response | undefined> {
  const { path } = passage.target;
  if (path.startsWith("/keycloak/")) return await forwardToKeycloak(parts, passage);
  if (path.startsWith("/static/")) return await parts.staticFiles(passage);
  // Whoever brings a token in a header is no browser that another site could lead.
  if (passage.headers.authorization === undefined) {
    requireSameOrigin(passage.method, passage.headers, parts.publicOrigin.origin);
  }
  const openPage = parts.openPages.get(path);
  if (openPage !== undefined) return await openPage(passage);

  const session = await findSession(parts, passage);
  if (session === undefined) return refuseWithoutSession(parts.pages, passage);
  const page = parts.sessionPages.get(path);
  if (page !== undefined) return page(passage, session);
  return await forwardToService(parts, passage, session);
}

/** The session of the token in the header, or else in the cookie. */
async function findSession(
  { sessionCookie, checkSession }: GatewayParts,
  { headers, cookies }: Passage,
): Promise<Session | undefined> {
  const { authorization } = headers;
  const token =
    authorization === undefined ? sessionCookie.read(cookies) : readBearer(authorization);
  return token === undefined ? undefined : await checkSession(token);
}

async function forwardToService(
  parts: GatewayParts,
  passage: Passage,
  session: Session,
): Promise<Response | undefined> {
  const { target, headers, method } = passage;
  const { entry, rest } = findService(parts, target.path);
  const level = session.user.permission_level;
  const denial = findDenial(entry, level);
  if (denial !== undefined) return refuseAccess(parts.pages, passage, { entry, denial, level });
  // Relative links of a service's first page only work below its slash.
  if (rest === "") {
    return new Response(null, {
      status: 308,
      headers: { location: `/${entry.name}/${target.query}` },
    });
  }
  const composes = asksForDocument(method, headers);
  return await forward(parts, passage, {
    service: entry.name,
    upstreamOrigin: new URL(entry.url).origin,
    target: new URL(entry.url).pathname.replace(/\/$/, "") + rest + target.query,
    bearer: session.token,
    createComposer: composes
      ? () => new HtmlComposer(parts.additions(session, entry.name))
      : undefined,
  });
}

/** @throws {HttpError} 404 when no service has this prefix, 400 when the rest of the path is ambiguous */
function findService(
  { registry }: GatewayParts,
  path: string,
): { entry: ServiceEntry; rest: string } {
  const name = path.split("/", 2)[1] ?? "";
  const entry = reservedNames.has(name) ? undefined : registry.find(name);
  if (entry === undefined) throw new HttpError(404, `There is no service at ${path}`);
  return { entry, rest: path === `/${name}` ? "" : pathBelow(path, name) };
}

/** The provider's pages for browsers: no session needed, nothing changed, its admin API left out. */
async function forwardToKeycloak(
  parts: GatewayParts,
  passage: Passage,
): Promise<Response | undefined> {
  const { target } = passage;
  const rest = pathBelow(target.path, "keycloak");
  const isPublic = /^\/(?:realms|resources|\.well-known)\//.test(rest) || rest === "/robots.txt";
  if (!isPublic) throw new HttpError(404, `There is no page at ${target.path}`);
  const base = new URL(parts.keycloakUrl);
  return await forward(parts, passage, {
    service: "keycloak",
    upstreamOrigin: base.origin,
    target: rest + target.query,
    bearer: undefined,
    createComposer: undefined,
  });
}

async function forward(
  parts: GatewayParts,
  passage: Passage,
  upstream: {
    service: string;
    upstreamOrigin: string;
    target: string;
    bearer: string | undefined;
    createComposer: (() => HtmlComposer) | undefined;
  },
): Promise<undefined> {
  const { publicOrigin, cookieNames, forwarder, defaultHeaders } = parts;
  const { incoming, outgoing, requestId, traceparent } = passage;
  const { service, upstreamOrigin, target, bearer, createComposer } = upstream;
  const prefix = `/${service}`;
  const isSecure = publicOrigin.protocol === "https:";
  const headers = requestHeaders(incoming.rawHeaders, {
    clientAddress: incoming.socket.remoteAddress ?? "",
    protocol: publicOrigin.protocol.slice(0, -1),
    host: publicOrigin.host,
    port: publicOrigin.port || (isSecure ? "443" : "80"),
    prefix,
    requestId,
    traceparent,
    bearer,
    cookie: foreignCookies(passage.headers.cookie, cookieNames),
  });
  // A client's own credential is for the provider's endpoints (client authentication), not a session.
  const { authorization } = passage.headers;
  if (service === "keycloak" && authorization !== undefined) {
    headers.push("authorization", authorization);
  }
  await forwarder.forward({
    incoming,
    outgoing,
    service,
    target,
    headers,
    addresses: { upstreamOrigin, publicOrigin: publicOrigin.origin, prefix },
    defaultHeaders,
    createComposer,
  });
  return undefined;
}

/** The Cookie header without what is Nexus's own: a service must not get a session to replay. */
function foreignCookies(header: string | undefined, names: CookieNames): string {
  return (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => {
      const name = pair.split("=", 1)[0]?.trim() ?? "";
      return name !== "" && name !== names.session && !names.isLoginAttempt(name);
    })
    .join("; ");
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

function beginPassage(
  { log }: GatewayParts,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Passage {
  const { method = "GET", url = "/", headers } = incoming;
  const requestId = createRequestId();
  const given = headers["traceparent"];
  const traceparent = createTraceparent(
    typeof given === "string" && isTraceparent(given) ? given : undefined,
  );
  return {
    incoming,
    outgoing,
    method,
    // Until it has been judged, an address is only good for a log line.
    target: { path: url.split(/[?#]/, 1)[0] ?? "", query: "" },
    parameters: new URLSearchParams(),
    headers,
    cookies: readCookies(headers.cookie),
    requestId,
    traceparent,
    log: log.child({ request_id: requestId, traceparent }),
  };
}

/** One line a request; without the query, which may hold what people typed or a code. */
function logAnswer({ log, method, target, outgoing }: Passage, startedAt: number): void {
  log[target.path === "/health" ? "debug" : "info"]("request", {
    method,
    path: target.path,
    status: outgoing.statusCode,
    duration_ms: Math.round(performance.now() - startedAt),
    ...(outgoing.writableFinished ? {} : { aborted: true }),
  });
}
