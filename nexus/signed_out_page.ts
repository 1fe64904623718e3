// What somebody is told who has signed out: plainly what is over, and what is not.
import { randomBytes } from "node:crypto";
import { html } from "@hivematrix/lib/responses";
import type { SessionEnd } from "./core_client.ts";
import { loginUrl } from "./login.ts";
import type { Pages } from "./pages.ts";

/** `undefined`: there was no session in this browser. */
export type SignOut = SessionEnd | undefined;

/** The page, which also empties this browser's storage and tells other open pages. */
export function signedOutPage(
  pages: Pages,
  signOut: SignOut,
  providerSignOutUrl: string,
): Response {
  const scriptNonce = randomBytes(16).toString("base64url");
  const page = pages.render("signed_out", {
    script_nonce: scriptNonce,
    sign_in_url: "/login",
    provider_sign_out_url: providerSignOutUrl,
    ...(signOut === undefined ? nobody : describeSignOut(signOut)),
  });
  const response = html(page);
  response.headers.set("content-security-policy", pages.contentSecurityPolicy(scriptNonce));
  // "cookies" is left out: it reaches every other host of the domain too.
  response.headers.set("clear-site-data", '"cache", "storage"');
  return response;
}

/** The cookie may be gone because it was late, and the provider's session outlives ours. */
const nobody = {
  title: "Nobody was signed in here",
  is_nobody: true,
  tone: "info",
  doubt: "The sign-in service may still know this browser from an earlier sign-in.",
};

function describeSignOut({ providerSession, otherSessions = 0 }: SessionEnd) {
  const isEnded = providerSession === "ended";
  return {
    title: isEnded ? "You are signed out" : "You are signed out of HiveMatrix",
    is_provider_ended: isEnded,
    is_doubtful: !isEnded,
    tone: "warning",
    doubt: isEnded ? undefined : doubts[providerSession],
    others: describeOthers(otherSessions),
    sessions_url: loginUrl("/sessions"),
  };
}

const doubts: Readonly<Record<Exclude<SessionEnd["providerSession"], "ended">, string>> = {
  not_ended:
    "The sign-in service could not be reached, or did not confirm that you are signed out there.",
  none: "HiveMatrix could not sign you out at the sign-in service.",
  unknown: "It is not certain that you are signed out at the sign-in service too.",
};

function describeOthers(count: number): string | undefined {
  if (count === 0) return undefined;
  const others = count === 1 ? "one other browser or device" : `${count} other browsers or devices`;
  return `You are still signed in elsewhere: ${others}.`;
}
