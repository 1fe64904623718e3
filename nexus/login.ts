import { redirect } from "@hivematrix/lib/responses";
import { isPersonsNavigation } from "./cross_origin.ts";
import { createLoginAttempt, type LoginAttempt, type LoginAttempts } from "./login_attempt.ts";
import type { OwnHandler, OwnRequest } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import type { Provider } from "./provider.ts";
import { readReturnPath } from "./return_path.ts";

/**
 * GET /login?next=<path>: begins a sign-in attempt of its own (state, nonce, PKCE verifier) and
 * sends the browser to the provider's authorization endpoint. The provider may know the person
 * still and ask nothing, so whatever is not a person's navigation is only asked (R13).
 *
 * With `password=new`, the provider has the person choose another password on the way.
 */
export function beginLogin({
  provider,
  attempts,
  pages,
}: {
  provider: Provider;
  attempts: LoginAttempts;
  pages: Pages;
}): OwnHandler {
  return (request) => {
    const { parameters, headers } = request;
    const returnPath = readReturnPath(parameters.get("next"));
    if (!isPersonsNavigation(headers)) return askFirst(pages, request, returnPath);
    const asksNewPassword = parameters.get("password") === "new";
    const parts = { provider, attempts, asksNewPassword };
    return leadToProvider(createLoginAttempt(returnPath), request, parts);
  };
}

/** Sends the browser to the provider with an attempt, and the attempt with the browser. */
export function leadToProvider(
  attempt: LoginAttempt,
  { cookies }: OwnRequest,
  {
    provider,
    attempts,
    asksNewPassword = false,
  }: { provider: Provider; attempts: LoginAttempts; asksNewPassword?: boolean },
): Response {
  const { href } = provider.authorizationUrl(attempt, { asksNewPassword });
  const response = redirect(href, 302, { "cache-control": "no-store" });
  for (const cookie of attempts.formatCookies(attempt, cookies)) {
    response.headers.append("set-cookie", cookie);
  }
  return response;
}

function askFirst(pages: Pages, request: OwnRequest, returnPath: string): Response {
  return pages.message(request, {
    status: 200,
    title: "Do you want to sign in?",
    message: "Another site's page has sent you here.",
    actions: [{ label: "Sign in", url: loginUrl(returnPath), is_primary: true }],
    headers: { "cache-control": "no-store" },
  });
}

/** The address that leads to the login page and from there back to a path. */
export function loginUrl(returnPath: string): string {
  const path = readReturnPath(returnPath);
  return path === "/" ? "/login" : `/login?next=${encodeURIComponent(path)}`;
}
