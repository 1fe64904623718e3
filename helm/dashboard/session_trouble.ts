// When Core cannot be asked, or cannot promise: a page that says what has happened and what to do.

import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Context } from "@hivematrix/lib/router";
import type { Views } from "@hivematrix/lib/views";
import { CoreError } from "../control/ask_core.ts";
import type { SessionList } from "../control/core_sessions.ts";
import type { EndTarget } from "./end_sessions.ts";
import { navigation } from "./navigation.ts";
import { hiddenFields, type ListPlace, listLink } from "./session_links.ts";
import { describeTarget } from "./session_words.ts";

interface Surroundings {
  readonly views: Views;
  readonly link: Context["link"];
  readonly place: ListPlace;
}

const seeCore =
  "Core is the service that keeps the sessions: see among all services whether it is ready, then try again.";

/** Seconds until a Core that was restarted answers again. */
const retryAfterSeconds = 2;

/** @throws {HttpError} when Core refuses this person @throws whatever else it was */
export function explainListTrouble(error: unknown, { views, link, place }: Surroundings): Response {
  const { reason } = requireTrouble(error);
  return explain(views, {
    navigation: navigation(link, "/sessions"),
    title: "Sessions cannot be shown",
    reason,
    advice: `Nothing was ended. ${seeCore}`,
    services_url: link("/"),
    retry_url: listLink(link, place),
  });
}

/**
 * @param hit what was to end; `undefined` when Core was not even asked to
 * @throws {HttpError} when Core refuses this person @throws whatever else it was
 */
export function explainEndTrouble(
  error: unknown,
  target: EndTarget,
  hit: SessionList | undefined,
  { views, link, place }: Surroundings,
): Response {
  const { reason, mayHaveActed } = requireTrouble(error);
  const isUncertain = hit !== undefined && mayHaveActed;
  return explain(views, {
    navigation: navigation(link, "/sessions"),
    title: isUncertain
      ? `It is not certain that ${describeTarget(target, hit)} ended`
      : "Nothing was ended",
    reason,
    advice: isUncertain
      ? "Some part of the platform may not know of it yet. Try again: to repeat it does no harm."
      : seeCore,
    services_url: link("/"),
    end_url: link("/sessions/end"),
    fields: hiddenFields(target, place),
    back_url: listLink(link, place),
  });
}

/** The same for the JSON API. */
export function asHttpError(error: unknown): unknown {
  if (!(error instanceof CoreError)) return error;
  const { status = 503, message, mayHaveActed } = error;
  if (status < 500) return new HttpError(status, message, { cause: error });
  const headers = { "retry-after": String(retryAfterSeconds) };
  const fields = { may_have_acted: mayHaveActed };
  return new HttpError(503, message, { cause: error, headers, fields });
}

function requireTrouble(error: unknown): CoreError {
  const isTrouble = error instanceof CoreError && (error.status ?? 503) >= 500;
  if (!isTrouble) throw asHttpError(error);
  return error;
}

function explain(views: Views, page: object): Response {
  const headers = { "retry-after": String(retryAfterSeconds) };
  return html(views.render("sessions_trouble", page), { status: 503, headers });
}
