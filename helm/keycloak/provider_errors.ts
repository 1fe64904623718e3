import { databaseIsAway } from "@hivematrix/lib/database_errors";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import type { Middleware } from "koa";
import type Provider from "oidc-provider";
import { type Configuration, errors, type KoaContextWithOIDC } from "oidc-provider";
import { renderPage } from "./provider_pages.ts";
import type { PublicAddress } from "./public_address.ts";

/** What a page of failure says; `note` is for whoever looks into it. */
interface Failure {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  readonly note?: string;
}

/** oidc-provider's `renderError`: errors that may not go back to the application become a page. */
export function renderProviderError(
  address: PublicAddress,
): NonNullable<Configuration["renderError"]> {
  return (context, out, error) => {
    const failure = describe(error);
    context.status = failure.status;
    const note = failure.note ?? `${out.error}: ${out.error_description ?? "no description"}`;
    renderPage(context, address, "message", { ...failure, note, action: "Back to the start page" });
  };
}

/** Answers what oidc-provider leaves open: unknown paths, and errors outside its own handlers. */
export function answerFailures(address: PublicAddress, log: Log): Middleware {
  return async (context, next) => {
    try {
      await next();
      if (context.status === 404 && context.body == null) throw new HttpError(404, "Not found");
    } catch (error) {
      const failure = describe(error);
      if (failure.status >= 500)
        log.error("request failed", { path: describePath(context), error });
      context.status = failure.status;
      if (failure.status === 503) context.set("Retry-After", retryAfterSeconds);
      if (context.accepts("json", "html") === "html") {
        renderPage(context, address, "message", { ...failure, action: "Back to the start page" });
      } else {
        context.body = { error: oauthError(failure.status), error_description: failure.text };
      }
    }
  };
}

/** Logs every refused request, and turns "the database is away" into 503 (it would be a bare 500). */
export function reportProviderErrors(provider: Provider, log: Log): void {
  const refused = (context: KoaContextWithOIDC, error: Error) => {
    const { error_description: description, error_detail: detail } =
      error as errors.OIDCProviderError;
    const path = describePath(context);
    log.warn("request refused", { path, error: error.message, description, detail });
  };
  provider.on("authorization.error", refused);
  provider.on("grant.error", refused);
  provider.on("userinfo.error", refused);
  provider.on("introspection.error", refused);
  provider.on("revocation.error", refused);
  provider.on("end_session.error", refused);
  provider.on("end_session_confirm.error", refused);
  provider.on("server_error", (context, error) => {
    log.error("request failed", { path: describePath(context), error });
    if (!databaseIsAway(error)) return;
    const { status, text } = describe(error);
    context.status = status;
    context.set("Retry-After", retryAfterSeconds);
    // For programs the body is there already; for people renderProviderError writes it after this.
    if (context.body != null && !context.response.is("html")) {
      context.body = { error: oauthError(status), error_description: text };
    }
  });
}

const retryAfterSeconds = "2";

/** The path without the attempt it names: that is what the attempt's cookie holds, too. */
function describePath({ path }: { path: string }): string {
  return path.replace(/\/[\w-]{40,}/g, "/:uid");
}

function oauthError(status: number): string {
  if (status === 503) return "temporarily_unavailable";
  return status >= 500 ? "server_error" : "invalid_request";
}

function describe(error: unknown): Failure {
  if (databaseIsAway(error)) {
    return {
      status: 503,
      title: "Signing in is not possible right now",
      text: "The user database cannot be reached at the moment. Please try again shortly.",
      note: "temporarily_unavailable",
    };
  }
  if (error instanceof errors.SessionNotFound) return expiredAttempt;
  if (error instanceof errors.InvalidRedirectUri) {
    return {
      status: 400,
      title: "This link does not work",
      text: "The application asked to be answered at an address that is not registered for it.",
    };
  }
  if (error instanceof errors.OIDCProviderError && error.expose) {
    return {
      status: error.statusCode,
      title: "This link does not work",
      text: "The request was not understood. Please start again from the start page.",
    };
  }
  if (error instanceof HttpError && error.status < 500) {
    const title = error.status === 404 ? "There is no such page" : "This did not work";
    return { status: error.status, title, text: `${error.message}.`, note: "" };
  }
  return {
    status: 500,
    title: "Something went wrong",
    text: "The sign-in service made a mistake. Please try again; its log says more.",
    note: "server_error",
  };
}

/** Shown instead of a sign-in page that was left open too long or was used already. */
export const expiredAttempt: Failure = {
  status: 400,
  title: "This sign-in has expired",
  text: "It was open for too long, or it was completed already. Please start again.",
  note: "",
};
