import { HttpError } from "@hivematrix/lib/http_error";
import { redirect } from "@hivematrix/lib/responses";
import { decodeJwt } from "jose";
import { type CoreClient, LoginRefused } from "./core_client.ts";
import type { KnownBrowsers } from "./known_browsers.ts";
import { leadToProvider, loginUrl } from "./login.ts";
import { createLoginAttempt, type LoginAttempt, type LoginAttempts } from "./login_attempt.ts";
import type { OwnHandler, OwnRequest } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import type { Provider } from "./provider.ts";
import type { SessionCookie } from "./session_cookie.ts";
import { describeSession, hashSessionId } from "./trusted_sessions.ts";

export interface FinishLoginParts {
  readonly provider: Provider;
  readonly core: CoreClient;
  readonly attempts: LoginAttempts;
  readonly sessionCookie: SessionCookie;
  /** Where Nexus counts the passwords that are tried (password_guard.ts). */
  readonly knownBrowsers?: KnownBrowsers | undefined;
  readonly pages: Pages;
}

/**
 * GET /keycloak-callback: code → provider's tokens → Core's user token → session cookie → the page
 * that was wanted. Whatever goes wrong ends on a page that says what to do next.
 */
export function finishLogin({
  provider,
  core,
  attempts,
  sessionCookie,
  knownBrowsers,
  pages,
}: FinishLoginParts): OwnHandler {
  return async (request) => {
    const state = readOne(request.parameters, "state") ?? "";
    const attempt = await attempts.take(state, request.cookies);
    // No error code from the address is believed before its attempt is known to be ours.
    if (attempt === undefined) return staleAttemptPage(pages, request);

    const response = await complete(request, attempt).catch((error: unknown) =>
      error instanceof LoginRefused && attempt.isSecond !== true
        ? tryOnceMore(request, attempt)
        : failedLoginPage(pages, request, attempt, error),
    );
    response.headers.append("set-cookie", attempts.formatRemovalFor(state));
    return response;
  };

  /**
   * A provider may end or replace the session of a sign-in that is under way, and know the person
   * still: then the second attempt asks nobody anything. What marks it as the second is sealed in its
   * cookie, so no address that somebody makes up begins one or another.
   */
  function tryOnceMore(request: OwnRequest, { returnPath }: LoginAttempt): Response {
    request.log.warn("sign-in refused by Core, trying once more");
    const second: LoginAttempt = { ...createLoginAttempt(returnPath), isSecond: true };
    return leadToProvider(second, request, { provider, attempts });
  }

  async function complete(request: OwnRequest, attempt: LoginAttempt): Promise<Response> {
    const { namesItself } = await provider.readMetadata();
    requireIssuer(request.parameters, provider.issuer, namesItself);
    const code = readAuthorizationResponse(request.parameters);
    const tokens = await provider.redeemCode(code, attempt);
    const { sid } = tokens.claims;
    const token = await core.exchange({
      accessToken: tokens.accessToken,
      idToken: tokens.idToken,
      refreshToken: tokens.refreshToken,
      sid: typeof sid === "string" ? sid : undefined,
      userAgent: request.headers["user-agent"],
      address: request.address,
      previousToken: sessionCookie.read(request.cookies),
    });
    const { exp = 0, iat = 0, jti = "" } = decodeJwt(token);
    request.log.info("signed in", {
      sub: tokens.claims.sub,
      session: describeSession(hashSessionId(jti)),
      address: request.address,
    });
    // 303: whatever method led here, the wanted page is fetched with GET.
    const response = redirect(attempt.returnPath, 303, { "cache-control": "no-store" });
    response.headers.append("set-cookie", sessionCookie.format(token, exp - iat));
    if (knownBrowsers !== undefined) {
      const logins = [tokens.claims["preferred_username"], tokens.claims["email"]].filter(isText);
      response.headers.append("set-cookie", knownBrowsers.format(request.cookies, logins));
    }
    return response;
  }
}

/**
 * Mix-up: the answer has to come from the provider that was asked, and one that says of itself that
 * it always names itself is not believed without (RFC 9207 §2.4).
 *
 * @throws {HttpError} 400
 */
function requireIssuer(parameters: URLSearchParams, issuer: string, namesItself: boolean): void {
  const answeredBy = readOne(parameters, "iss");
  if (answeredBy === issuer || (answeredBy === undefined && !namesItself)) return;
  throw new HttpError(400, "The answer came from another identity provider", {
    cause: new Error(`iss is ${answeredBy ?? "missing"} instead of ${issuer}`),
  });
}

/**
 * The code of an authorization response (RFC 6749 §4.1.2).
 *
 * @throws {HttpError} 403 when the person cancelled, 400 for any other answer without a good code
 */
function readAuthorizationResponse(parameters: URLSearchParams): string {
  const error = readOne(parameters, "error");
  if (error === "access_denied") throw new HttpError(403, "The sign-in was cancelled");
  if (error !== undefined) {
    throw new HttpError(400, "The identity provider could not sign you in", {
      cause: new Error(`authorization error ${error}: ${parameters.get("error_description")}`),
    });
  }
  const code = readOne(parameters, "code");
  if (code === undefined) throw new HttpError(400, "The identity provider's answer has no code");
  return code;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** A parameter that must not be repeated (RFC 6749 §3.1). @throws {HttpError} 400 */
function readOne(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1) throw new HttpError(400, `The address repeats "${name}"`);
  return values[0] === "" ? undefined : values[0];
}

/** The address holds a code, which must not travel on as the next request's Referer (R5). */
const hiddenAddress = { "referrer-policy": "no-referrer" };

function staleAttemptPage(pages: Pages, request: OwnRequest): Response {
  const { address } = request;
  request.log.warn("sign-in refused", { reason: "unknown, used or expired state", address });
  return pages.message(request, {
    status: 400,
    title: "This sign-in link no longer works",
    message:
      "It was used already, took longer than ten minutes, or was opened in another browser. Nothing is wrong with your account.",
    actions: [{ label: "Sign in again", url: "/", is_primary: true }],
    headers: hiddenAddress,
  });
}

function failedLoginPage(
  pages: Pages,
  request: OwnRequest,
  attempt: LoginAttempt,
  error: unknown,
): Response {
  const known = error instanceof HttpError ? error : undefined;
  const status = known?.status ?? 500;
  const isCancelled = status === 403;
  request.log[status >= 500 ? "error" : "warn"]("sign-in failed", {
    reason: known?.message ?? "unexpected error",
    error: known === undefined ? error : known.cause,
    address: request.address,
  });
  return pages.message(request, {
    status,
    title: isCancelled ? "Sign-in cancelled" : "The sign-in did not work",
    message: isCancelled
      ? "You left the sign-in page without signing in."
      : (known?.message ?? "Something went wrong on our side."),
    isWanted: isCancelled,
    actions: [{ label: "Sign in again", url: loginUrl(attempt.returnPath), is_primary: true }],
    headers: { ...known?.headers, ...hiddenAddress },
  });
}
