// When the identity provider or Core cannot be asked: a page that says what has happened and what
// to do. A refusal is an answer like any other.
import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Views } from "@hivematrix/lib/views";
import { CoreError } from "../control/ask_core.ts";
import { adviseOnCredential } from "../control/identity_advice.ts";
import { PeopleError } from "../control/people_error.ts";
import type { Platform } from "../control/platform.ts";
import { IdentityError } from "../keycloak/identity_error.ts";
import { navigation } from "./navigation.ts";
import { asHttpError } from "./session_trouble.ts";
import { userLink } from "./user_links.ts";

/** Seconds until a service that was restarted answers again. */
const retryAfterSeconds = 2;

interface Outage {
  readonly message: string;
  readonly mayHaveActed: boolean;
}

/** @throws {HttpError} for a refusal @throws whatever else it was */
export function explainUserTrouble(
  error: unknown,
  { method }: Request,
  { url, link, params }: UserContext,
  { views, platform }: { views: Views; platform: Pick<Platform, "config"> },
): Response {
  const outage = readOutage(error);
  if (outage === undefined) throw asUserHttpError(error);
  const isChange = method !== "GET" && method !== "HEAD";
  const { id } = params;
  const page = {
    navigation: navigation(link, "/users"),
    title: describe(outage, isChange),
    message: outage.message,
    advice: error instanceof IdentityError && adviseOnCredential(error, platform.config),
    is_uncertain: isChange && outage.mayHaveActed,
    retry_url: isChange ? undefined : link(`${url.pathname}${url.search}`),
    user_url: isChange && id !== undefined && userLink(link, id),
    users_url: isChange && link("/users"),
    services_url: link("/"),
  };
  const headers = { "retry-after": String(retryAfterSeconds) };
  return html(views.render("users_trouble", page), { status: 503, headers });
}

/** As an answer: the refusals of the identity provider keep their status. */
export function asUserHttpError(error: unknown): unknown {
  if (error instanceof CoreError) return asHttpError(error);
  const outage = readOutage(error);
  if (outage !== undefined) {
    const headers = { "retry-after": String(retryAfterSeconds) };
    const fields = { may_have_acted: outage.mayHaveActed };
    return new HttpError(503, outage.message, { cause: error, headers, fields });
  }
  if (error instanceof PeopleError) return new HttpError(error.status, error.message);
  if (error instanceof IdentityError) {
    return new HttpError(error.status ?? 422, error.message, { cause: error });
  }
  return error;
}

/** Whether an order was understood and refused, for a reason that the person has to read. */
export function isRefusal(error: unknown): error is Error {
  if (error instanceof PeopleError) return error.status === 409;
  return error instanceof IdentityError && !error.isOutage && error.status !== 404;
}

function readOutage(error: unknown): Outage | undefined {
  if (error instanceof IdentityError && error.isOutage) return error;
  if (error instanceof CoreError && (error.status ?? 503) >= 500) return error;
  return undefined;
}

function describe({ mayHaveActed }: Outage, isChange: boolean): string {
  if (!isChange) return "Users cannot be shown";
  return mayHaveActed ? "It is not certain that this was done" : "Nothing was changed";
}
