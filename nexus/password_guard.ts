import { HttpError } from "@hivematrix/lib/http_error";
import { describeWait, type PasswordThrottle } from "@hivematrix/lib/password_throttle";
import type { KnownBrowsers } from "./known_browsers.ts";
import { foldLogin } from "./login_name.ts";
import type { Passage } from "./passage.ts";

/**
 * Looks at a form on its way to the provider.
 *
 * @param path as the provider gets it
 * @throws {HttpError} 429 when too many passwords were tried, 415 for what is no form of a browser
 */
export type PasswordGuard = (passage: Passage, path: string, form: Buffer) => void;

/**
 * Counts the passwords that are tried at the real Keycloak, which itself counts them by user alone:
 * with its brute force detection, whoever guesses at somebody's password keeps that person out (R33).
 * So the guesses are stopped here, before they count there, by the rules of the embedded provider.
 */
export function createPasswordGuard(
  throttle: PasswordThrottle,
  knownBrowsers: KnownBrowsers,
): PasswordGuard {
  return (passage, path, form) => {
    if (!isSignIn(path)) return;
    const { headers, cookies, address = "", outgoing, log } = passage;
    requireForm(headers["content-type"]);
    // A page that asks for the password alone sends no name; then the address is what counts.
    const login = new URLSearchParams(form.toString()).get("username") ?? "";
    const device = knownBrowsers.find(cookies, login);
    const attempt = throttle.begin({ user: foldLogin(login), address, device });
    if (attempt.waitSeconds > 0) {
      const { waitSeconds } = attempt;
      // Without the name that was typed: people type passwords there by mistake.
      log.warn("sign-in throttled", { address, wait_seconds: waitSeconds });
      throw tooMany(waitSeconds);
    }
    // Keycloak answers a wrong password with the page once more, a right one by leading on. What it
    // could not look at was no guess; a browser that did not wait for the answer may have made one.
    outgoing.once("close", () => {
      const { headersSent, statusCode } = outgoing;
      if (headersSent && (isRedirect(statusCode) || statusCode >= 500)) attempt.succeed();
    });
  };
}

/** However the path is written: Keycloak decodes it, and ignores what comes behind a semicolon. */
function isSignIn(path: string): boolean {
  try {
    return /login-actions[^/]*\/+authenticate/i.test(decodeURIComponent(path));
  } catch {
    return true;
  }
}

/** In another form or character set, Keycloak could read another name than we do. */
function requireForm(contentType = ""): void {
  if (/^application\/x-www-form-urlencoded\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(contentType)) {
    return;
  }
  throw new HttpError(415, "The sign-in takes the form of its own page only");
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function tooMany(waitSeconds: number): HttpError {
  const wait = describeWait(waitSeconds);
  return new HttpError(
    429,
    `There were too many failed sign-ins. Please wait ${wait}, then go back and try again.`,
    { headers: { "retry-after": String(waitSeconds) } },
  );
}
