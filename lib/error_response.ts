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

/** The answer to whatever a handler threw; the cause goes to the log under the request id. */
export function errorResponse(
  error: unknown,
  request: Request,
  { log, requestId }: { log: Log; requestId: string },
): Response {
  const known = toHttpError(error);
  if (known.status >= 500) log.error(known.message, { status: known.status, error });
  else log.debug(known.message, { status: known.status });

  const title = STATUS_CODES[known.status] ?? "Error";
  const headers = new Headers({ ...known.headers, "cache-control": "no-store" });
  if (acceptsHtml(request.headers)) {
    const page = { title, status: known.status, message: known.message, request_id: requestId };
    return html(views.render("error", page), { status: known.status, headers });
  }
  headers.set("content-type", "application/problem+json");
  const problem = {
    type: "about:blank",
    title,
    status: known.status,
    detail: known.message,
    ...known.fields,
    request_id: requestId,
  };
  return new Response(JSON.stringify(problem), { status: known.status, headers });
}

/** Whether the client asked for a page; a program that accepts anything gets the problem document. */
export function acceptsHtml(headers: Headers): boolean {
  return /(?:^|[\s,])text\/html(?:$|[\s,;])/i.test(headers.get("accept") ?? "");
}

function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (databaseIsAway(error)) {
    return new HttpError(503, "The database cannot be reached at the moment, please try again", {
      cause: error,
      headers: { "retry-after": "2" },
    });
  }
  return new HttpError(500, "Something went wrong on our side", { cause: error });
}
