import { formatCookie } from "@hivematrix/lib/cookies";
import { HttpError } from "@hivematrix/lib/http_error";
import type { CookieNames } from "./cookie_names.ts";
import type { SealedBox } from "./sealed_box.ts";

/**
 * The cookie that carries the user token. Sealed, so that neither a script nor whoever reads the
 * browser's cookie store gets a token that works elsewhere (theft), and so that it cannot be made
 * or changed (tampering, fixation).
 */
export interface SessionCookie {
  /** The Set-Cookie value. @throws {HttpError} 500 when browsers would drop it for its size */
  format(token: string, maxAgeSeconds: number): string;
  read(cookies: ReadonlyMap<string, string>): string | undefined;
  /** The Set-Cookie value that removes it. */
  formatRemoval(): string;
}

/** Browsers keep at least this much of name and value together (RFC 6265bis §5.7). */
const maxCookieBytes = 4096;

/** Of people who are here at the same time; a cookie and its token have some 3 KB. */
const maxOpened = 2000;

export function createSessionCookie(
  box: SealedBox,
  names: CookieNames,
  { isSecure }: { isSecure: boolean },
): SessionCookie {
  const name = names.session;
  // Opening one costs as much as the rest of the check, and a browser sends it with every request.
  // Whether its session lives is asked each time all the same.
  const opened = new Map<string, string>();
  const open = (value: string): string | undefined => {
    const known = opened.get(value);
    if (known !== undefined) return known;
    const token = box.open(value, name);
    if (token === undefined) return undefined;
    if (opened.size >= maxOpened) opened.clear();
    opened.set(value, token);
    return token;
  };
  return {
    format(token, maxAgeSeconds) {
      const value = box.seal(token, name);
      if (name.length + value.length >= maxCookieBytes) {
        throw new HttpError(
          500,
          `Cannot keep the session: with this account's groups its cookie has ${value.length} bytes, browsers keep ${maxCookieBytes}; take the account out of some groups`,
        );
      }
      return formatCookie(name, value, { secure: isSecure, maxAgeSeconds });
    },
    read(cookies) {
      const value = cookies.get(name);
      return value === undefined ? undefined : open(value);
    },
    formatRemoval: () => formatCookie(name, "", { secure: isSecure, maxAgeSeconds: 0 }),
  };
}
