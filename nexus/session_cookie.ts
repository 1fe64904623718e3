import { formatCookie, readCookies } from "@hivematrix/lib/cookies";
import { HttpError } from "@hivematrix/lib/http_error";
import { type CookieNames, isGatewayCookie } from "./cookie_names.ts";
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
  /** What a Cookie header holds for us, and what for others. */
  readHeader(header: string | undefined): SentCookies;
  /** The Set-Cookie value that removes it. */
  formatRemoval(): string;
}

export interface SentCookies {
  /** The user token, of a session cookie that is ours. */
  readonly token: string | undefined;
  /** The header without what is a gateway's own: a service must not get a session to replay. */
  readonly foreignCookies: string;
}

/** Browsers keep at least this much of name and value together (RFC 6265bis §5.7). */
const maxCookieBytes = 4096;

/** Of browsers that are here at the same time. */
const maxRemembered = 2000;
/** A longer header is read anew each time, so that what is remembered stays below 16 MB. */
const maxRememberedLength = 8192;

interface Remembered {
  readonly header: string;
  readonly sent: SentCookies;
}

/**
 * What a header is looked up by: to hash all of it would take longer than to compare it. The session's
 * cookie is nearly all of most headers, so their middle is of its random text.
 */
function middleOf(header: string): string {
  const middle = header.length >> 1;
  return header.slice(middle, middle + 32);
}

const noCookies: SentCookies = { token: undefined, foreignCookies: "" };

export function createSessionCookie(
  box: SealedBox,
  names: CookieNames,
  { isSecure }: { isSecure: boolean },
): SessionCookie {
  const name = names.session;
  const open = (value: string | undefined) =>
    value === undefined ? undefined : box.open(value, name);
  // A browser sends the same header with every request, and to open its cookie anew would cost as
  // much as all other checks. Whether the session lives is asked each time all the same. Only who has
  // a session is remembered, so nobody else can fill this up.
  const remembered = new Map<string, Remembered>();
  const readHeader = (header: string): SentCookies => {
    const key = middleOf(header);
    const known = remembered.get(key);
    if (known?.header === header) return known.sent;
    const token = open(readCookies(header).get(name));
    const sent = { token, foreignCookies: foreignCookies(header) };
    if (token !== undefined && header.length <= maxRememberedLength) {
      if (remembered.size >= maxRemembered) remembered.clear();
      remembered.set(key, { header, sent });
    }
    return sent;
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
    read: (cookies) => open(cookies.get(name)),
    readHeader: (header) => (header === undefined ? noCookies : readHeader(header)),
    formatRemoval: () => formatCookie(name, "", { secure: isSecure, maxAgeSeconds: 0 }),
  };
}

function foreignCookies(header: string): string {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => {
      const name = pair.split("=", 1)[0]?.trim() ?? "";
      return name !== "" && !isGatewayCookie(name);
    })
    .join("; ");
}
