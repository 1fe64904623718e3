// What somebody without a session, or with the wrong one, is told.
import { type IncomingHttpHeaders, STATUS_CODES } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import { redirect } from "@hivematrix/lib/responses";
import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import type { Denial } from "./access_rules.ts";
import { loginUrl } from "./login.ts";
import type { OwnRequest } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import { isBearer, type Session } from "./session_check.ts";
import { serviceCard } from "./side_panel.ts";

/**
 * Whether the answer is for a person's eyes: a navigation, as Sec-Fetch-Mode says it, or as far as
 * Accept, X-Requested-With and the path let one guess.
 */
export function wantsPage(headers: IncomingHttpHeaders, path: string): boolean {
  const mode = headers["sec-fetch-mode"];
  if (mode !== undefined) return mode === "navigate";
  // Nobody looks at what a WebSocket is refused with.
  if (headers.upgrade?.toLowerCase() === "websocket") return false;
  if (headers["x-requested-with"] !== undefined || headers["hx-request"] !== undefined)
    return false;
  const accept = headers.accept ?? "*/*";
  if (/\btext\/html\b/i.test(accept)) return true;
  // Command-line clients accept anything: what they mean shows in the address.
  return (
    /\*\/\*/.test(accept) &&
    !/application\/(?:\S+\+)?json/i.test(accept) &&
    !/\/api(?:\/|$)/.test(path)
  );
}

/** No valid session: pages lead to the sign-in and back, programs learn where it is. */
export function refuseWithoutSession(pages: Pages, request: OwnRequest): Response {
  const { method, target, headers } = request;
  const isRead = method === "GET" || method === "HEAD";
  const here = `${target.path}${target.query}`;
  const hasToken = isBearer(headers.authorization);
  if (hasToken) request.log.info("token refused", { address: request.address });
  if (hasToken || !wantsPage(headers, target.path)) {
    return problem(
      request,
      new HttpError(401, "You are not signed in, or your session has ended", {
        // RFC 6750 §3.1: no error code where no credential was sent.
        headers: { "www-authenticate": hasToken ? 'Bearer error="invalid_token"' : "Bearer" },
        fields: { login_url: loginUrl(pages.pathOf(headers.referer) ?? (isRead ? here : "/")) },
      }),
    );
  }
  if (isRead) return redirect(loginUrl(here), 302, { "cache-control": "no-store" });
  // A form's content cannot be taken along to the sign-in; going back keeps it in the browser.
  return pages.message(request, {
    status: 401,
    title: "Your session has ended",
    message:
      "What you sent was not saved. Sign in, then go back in your browser and send it again.",
    actions: [{ label: "Sign in", url: "/login", is_primary: true }],
  });
}

/** The rule that keeps somebody out, the level it asks for and who can change that. */
export function refuseAccess(
  pages: Pages,
  request: OwnRequest,
  { entry, denial, session }: { entry: ServiceEntry; denial: Denial; session: Session },
): Response {
  const { title } = serviceCard(entry);
  const needed = denial.neededLevels.join(" or ") || "nobody's";
  const { permission_level: level, sub } = session.user;
  const { address, log } = request;
  log.warn("access denied", { service: entry.name, rule: denial.rule, level, sub, address });
  const error = new HttpError(403, `${title} is open to level ${needed}; yours is ${level}`, {
    fields: { rule: denial.rule, required_levels: denial.neededLevels, permission_level: level },
  });
  if (!wantsPage(request.headers, request.target.path)) return problem(request, error);
  return pages.message(request, {
    status: 403,
    title: `${title} is not open to you`,
    message: `It needs permission level ${needed}; yours is ${level}.`,
    details: [
      `The rule is "${denial.rule}" of the service "${entry.name}". An administrator can put you into another group, or change the rule.`,
    ],
    actions: [{ label: "Back to the start page", url: "/", is_primary: true }],
  });
}

/** Any other error, for people or for programs (RFC 9457). */
export function refuseWithError(pages: Pages, request: OwnRequest, error: unknown): Response {
  const known =
    error instanceof HttpError
      ? error
      : new HttpError(500, "Something went wrong on our side", { cause: error });
  const { status, message } = known;
  logRefusal(request, known, error);
  if (!wantsPage(request.headers, request.target.path)) return problem(request, known);
  return pages.message(request, {
    status,
    title: titles[status] ?? STATUS_CODES[status] ?? "Error",
    message,
    actions: [
      ...(isPassing(status) && request.method === "GET" ? [tryAgain(request)] : []),
      { label: "Back to the start page", url: pages.homeUrl },
    ],
    headers: known.headers,
  });
}

/** What was kept out stands in the log at the usual level; that a page is not there does not (R26). */
function logRefusal({ log, address }: OwnRequest, known: HttpError, error: unknown): void {
  const { status, message } = known;
  if (status >= 500) log.error(message, { status, error });
  else if (status === 404 || status === 405) log.debug(message, { status });
  else {
    const level = status === 403 || status === 429 ? "warn" : "info";
    log[level]("request refused", { status, reason: message, address });
  }
}

/** Whether the same request may well succeed a moment later. */
function isPassing(status: number): boolean {
  return status === 502 || status === 503 || status === 504;
}

function tryAgain({ target }: OwnRequest) {
  return { label: "Try again", url: target.path + target.query, is_primary: true };
}

const titles: Readonly<Record<number, string>> = {
  400: "This address cannot be answered",
  403: "This is not open to you",
  404: "There is nothing here",
  408: "What you sent did not arrive",
  414: "This address is too long",
  421: "This address has another name",
  429: "Please wait a moment",
  431: "Your browser sends too much",
  502: "This service is not running",
  503: "Please try again in a moment",
  504: "This service takes too long",
};

function problem(
  { requestId }: OwnRequest,
  { status, message, headers, fields }: HttpError,
): Response {
  const body = {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: message,
    ...fields,
    request_id: requestId,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      ...headers,
      "cache-control": "no-store",
      "content-type": "application/problem+json",
    },
  });
}
