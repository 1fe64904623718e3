// Where errors become answers, for every service: RFC 9457 problem documents for programs, a page
// for people. Nothing of an unknown error leaves the process but the id to find it in the log.
import { STATUS_CODES } from "node:http";
import { join } from "node:path";
import { databaseIsAway } from "./database_errors.ts";
import { HttpError } from "./http_error.ts";
import type { Log } from "./log.ts";
import { html } from "./responses.ts";
import { createViews } from "./views.ts";

const views = createViews(join(import.meta.dirname, "views"));

/**
 * The answer to whatever a handler threw; the cause goes to the log under the request id.
 *
 * @param homeUrl where a page leads back to: the service's first page
 */
export function errorResponse(
  error: unknown,
  request: Request,
  { log, requestId, homeUrl }: { log: Log; requestId: string; homeUrl: string },
): Response {
  const known = toHttpError(error, request);
  const { status } = known;
  // Of a refusal the reason is of interest, of a failure the place as well.
  const reason = error === known && status < 500 ? known.cause : error;
  log[levelOf(status)](known.message, { status, ...(reason !== undefined && { error: reason }) });

  const title = STATUS_CODES[status] ?? "Error";
  const headers = new Headers({
    ...known.headers,
    "cache-control": "no-store",
    vary: "Accept",
  });
  if (acceptsHtml(request.headers)) {
    const { message } = known;
    const page = { title, status, message, request_id: requestId, home_url: homeUrl };
    return html(views.render("error", page), { status, headers });
  }
  headers.set("content-type", "application/problem+json");
  const problem = {
    type: "about:blank",
    title,
    status,
    detail: known.message,
    ...known.fields,
    request_id: requestId,
  };
  return new Response(JSON.stringify(problem), { status, headers });
}

/**
 * Whether the client asked for a page (RFC 9110 §12.5.1). A program that accepts anything, or likes
 * JSON better, gets the problem document.
 */
export function acceptsHtml(headers: Headers): boolean {
  const weights = new Map<string, number>();
  for (const range of (headers.get("accept") ?? "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    weights.set(type, Number(weight) || 0);
  }
  const weightOf = (type: string) => weights.get(type) ?? 0;
  const html = weightOf("text/html");
  const json = Math.max(weightOf("application/json"), weightOf("application/problem+json"));
  return html > 0 && html >= json;
}

/** What the service failed at is an error; a denial is worth a line; a wrong address is not. */
function levelOf(status: number): "error" | "info" | "debug" {
  if (status >= 500) return "error";
  return status === 401 || status === 403 || status === clientIsGone ? "info" : "debug";
}

/** nginx's status for its log: nobody is there to read the answer. */
const clientIsGone = 499;

function toHttpError(error: unknown, request: Request): HttpError {
  if (error instanceof HttpError) return error;
  if (request.signal.aborted) {
    return new HttpError(clientIsGone, "The client went away before it was answered");
  }
  if (databaseIsAway(error)) {
    return new HttpError(503, "The database cannot be reached at the moment, please try again", {
      headers: { "retry-after": "2" },
    });
  }
  return new HttpError(500, "Something went wrong on our side");
}
