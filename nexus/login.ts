import { redirect } from "@hivematrix/lib/responses";
import { createLoginAttempt, type LoginAttempts } from "./login_attempt.ts";
import type { OwnHandler } from "./own_request.ts";
import type { Provider } from "./provider.ts";
import { readReturnPath } from "./return_path.ts";

/**
 * GET /login?next=<path>: begins a sign-in attempt of its own (state, nonce, PKCE verifier) and
 * sends the browser to the provider's authorization endpoint.
 */
export function beginLogin(provider: Provider, attempts: LoginAttempts): OwnHandler {
  return ({ parameters, cookies }) => {
    const attempt = createLoginAttempt(readReturnPath(parameters.get("next")));
    const response = redirect(provider.authorizationUrl(attempt).href, 302, {
      "cache-control": "no-store",
    });
    for (const cookie of attempts.formatCookies(attempt, cookies)) {
      response.headers.append("set-cookie", cookie);
    }
    return response;
  };
}

/** The address that leads to the login page and from there back to a path. */
export function loginUrl(returnPath: string): string {
  const path = readReturnPath(returnPath);
  return path === "/" ? "/login" : `/login?next=${encodeURIComponent(path)}`;
}
