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

export function createSessionCookie(
  box: SealedBox,
  names: CookieNames,
  { isSecure }: { isSecure: boolean },
): SessionCookie {
  const name = names.session;
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
      return value === undefined ? undefined : box.open(value, name);
    },
    formatRemoval: () => formatCookie(name, "", { secure: isSecure, maxAgeSeconds: 0 }),
  };
}
