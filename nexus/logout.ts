import { formatCookie } from "@hivematrix/lib/cookies";
import { decodeJwt } from "jose";
import type { CookieNames } from "./cookie_names.ts";
import type { CoreClient } from "./core_client.ts";
import { isOwnInitiative } from "./cross_origin.ts";
import type { OwnHandler, OwnRequest } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import type { Provider } from "./provider.ts";
import { readToken } from "./session_check.ts";
import type { SessionCookie } from "./session_cookie.ts";
import { type SignOut, signedOutPage } from "./signed_out_page.ts";
import { describeSession, hashSessionId } from "./trusted_sessions.ts";

export interface LogOutParts {
  readonly core: CoreClient;
  readonly provider: Provider;
  readonly sessionCookie: SessionCookie;
  readonly names: CookieNames;
  readonly pages: Pages;
  readonly isSecure: boolean;
  /** Forgets sessions at this gateway and cuts what is open with them. @param hashes hashSessionId */
  readonly endHere: (hashes: readonly string[]) => void;
}

/**
 * GET or POST /logout: the session ends at Core, which also ends the provider's; then the browser's
 * cookies and storage are cleared. A link on another site only gets a question (login and logout
 * CSRF). While Core cannot confirm the end, the answer is an error, not a false "signed out".
 */
export function logOut(parts: LogOutParts): OwnHandler {
  const { pages, provider } = parts;
  return async (request) => {
    // A POST has passed the gateway's origin check already.
    if (request.method === "GET" && !isOwnInitiative(request.headers)) {
      return askFirst(pages, request);
    }
    const signOut = await endSession(parts, request);
    const response = signedOutPage(pages, signOut, provider.signOutUrl);
    removeCookies(parts, request, response);
    return response;
  };
}

/** @throws {HttpError} 503 unless Core has confirmed the end */
async function endSession(
  { core, sessionCookie, endHere }: LogOutParts,
  request: OwnRequest,
): Promise<SignOut> {
  const { headers, cookies, log } = request;
  const { token, isFromCookie } = readToken(headers, sessionCookie.read(cookies));
  if (token === undefined) return undefined;
  const end = await core.revoke(token);
  // Core's announcement does the same, unless the feed is down just now. A token that Core does not
  // know counts if it comes from our own cookie: whoever made up another could name any session.
  const { jti } = end !== undefined || isFromCookie ? decodeJwt(token) : {};
  const hash = jti === undefined ? undefined : hashSessionId(jti);
  if (hash !== undefined) endHere([hash]);
  log.info("signed out", {
    session: hash === undefined ? undefined : describeSession(hash),
    provider_session: end?.providerSession,
    address: request.address,
  });
  return end ?? { providerSession: "unknown", otherSessions: undefined };
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

function removeCookies(
  { sessionCookie, names, isSecure }: LogOutParts,
  { cookies }: OwnRequest,
  { headers }: Response,
): void {
  headers.append("set-cookie", sessionCookie.formatRemoval());
  for (const name of cookies.keys()) {
    // Other names on this path can belong to other programs: cookies do not know ports.
    const isOurs = names.isLoginAttempt(name) || /^__Host-/i.test(name);
    // The browser stays known: it opens nothing, and the next sign-in is the better for it.
    if (name === names.session || name === names.knownBrowser || !isOurs) continue;
    const removal = removeCookie(name, isSecure);
    if (removal !== undefined) headers.append("set-cookie", removal);
  }
}

function removeCookie(name: string, isSecure: boolean): string | undefined {
  try {
    return formatCookie(name, "", { secure: isSecure, maxAgeSeconds: 0 });
  } catch {
    // A name that we could not set either; the browser keeps it, it means nothing to us.
    return undefined;
  }
}
