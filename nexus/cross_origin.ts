import type { IncomingHttpHeaders } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";

/**
 * Cross-site request forgery: whatever changes state and relies on the cookie has to come from a
 * page of this origin. Browsers say where a request comes from and pages cannot forge it; clients
 * that say nothing are no browsers and carry no foreign page's intent.
 *
 * @throws {HttpError} 403 for a state-changing request from another origin
 */
export function requireSameOrigin(
  method: string,
  headers: IncomingHttpHeaders,
  publicOrigin: string,
): void {
  if (isSafeMethod(method)) return;
  const site = headers["sec-fetch-site"];
  if (site === "same-origin" || site === "none") return;
  if (site === undefined) {
    const { origin } = headers;
    if (origin === undefined || origin === publicOrigin) return;
  }
  throw new HttpError(403, "This request was refused because it comes from another site's page");
}

/**
 * Whether a GET is a navigation that the person began here or in the address bar. A page's image or
 * a browser that fetches ahead means nothing by it.
 */
export function isOwnInitiative(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  const isFromHere = site === undefined || site === "same-origin" || site === "none";
  return isFromHere && isNavigation(headers);
}

/**
 * Whether a GET is a navigation that a person began, be it by a link on another site's page. That
 * page's frames, images and scripts come without a person's click (R13).
 */
export function isPersonsNavigation(headers: IncomingHttpHeaders): boolean {
  if (isOwnInitiative(headers)) return true;
  const isWindow = headers["sec-fetch-dest"] === "document";
  return isNavigation(headers) && isWindow && headers["sec-fetch-user"] === "?1";
}

function isNavigation(headers: IncomingHttpHeaders): boolean {
  const mode = headers["sec-fetch-mode"];
  const isAhead = headers["sec-purpose"] !== undefined || headers["purpose"] === "prefetch";
  return (mode === undefined || mode === "navigate") && !isAhead;
}

/** RFC 9110 §9.2.1 */
function isSafeMethod(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}
