import { randomBytes } from "node:crypto";
import { formatCookie } from "@hivematrix/lib/cookies";
import { html } from "@hivematrix/lib/responses";
import type { CookieNames } from "./cookie_names.ts";
import type { CoreClient } from "./core_client.ts";
import { isOwnInitiative } from "./cross_origin.ts";
import type { OwnHandler, OwnRequest } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import { readToken } from "./session_check.ts";
import type { SessionCookie } from "./session_cookie.ts";

/**
 * GET or POST /logout: the session ends at Core, which also ends the provider's; then the browser's
 * cookies and storage are cleared. A link on another site only gets a question (login and logout
 * CSRF). While Core cannot confirm the end, the answer is an error, not a false "signed out".
 */
export function logOut({
  core,
  sessionCookie,
  names,
  pages,
  isSecure,
}: {
  core: CoreClient;
  sessionCookie: SessionCookie;
  names: CookieNames;
  pages: Pages;
  isSecure: boolean;
}): OwnHandler {
  return async (request) => {
    // A POST has passed the gateway's origin check already.
    if (request.method === "GET" && !isOwnInitiative(request.headers)) {
      return askFirst(pages, request);
    }
    const { token } = readToken(request.headers, () => sessionCookie.read(request.cookies));
    if (token !== undefined) {
      await core.revoke(token);
      request.log.info("signed out");
    }
    return signedOut(pages, request, { sessionCookie, names, isSecure });
  };
}

function askFirst(pages: Pages, request: OwnRequest): Response {
  return pages.message(request, {
    status: 200,
    title: "Do you want to sign out?",
    message: "Another site's page has sent you here.",
    form: { action: "/logout", label: "Sign out" },
    actions: [{ label: "Stay signed in", url: "/" }],
  });
}

function signedOut(
  pages: Pages,
  request: OwnRequest,
  {
    sessionCookie,
    names,
    isSecure,
  }: { sessionCookie: SessionCookie; names: CookieNames; isSecure: boolean },
): Response {
  const scriptNonce = randomBytes(16).toString("base64url");
  const response = html(pages.render("signed_out", { script_nonce: scriptNonce }));
  response.headers.set("content-security-policy", pages.contentSecurityPolicy(scriptNonce));
  // "cookies" is left out: it reaches every other host of the domain too.
  response.headers.set("clear-site-data", '"cache", "storage"');
  response.headers.append("set-cookie", sessionCookie.formatRemoval());
  for (const name of request.cookies.keys()) {
    // Other names on this path can belong to other programs: cookies do not know ports.
    const isOurs = names.isLoginAttempt(name) || /^__Host-/i.test(name);
    if (name === names.session || !isOurs) continue;
    const removal = removeCookie(name, isSecure);
    if (removal !== undefined) response.headers.append("set-cookie", removal);
  }
  return response;
}

function removeCookie(name: string, isSecure: boolean): string | undefined {
  try {
    return formatCookie(name, "", { secure: isSecure, maxAgeSeconds: 0 });
  } catch {
    // A name that we could not set either; the browser keeps it, it means nothing to us.
    return undefined;
  }
}
