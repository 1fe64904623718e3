/** How a cookie is kept (RFC 6265bis §4.1); the defaults suit a session. */
export interface CookieOptions {
  path?: string;
  httpOnly?: boolean;
  secure?: boolean;
  sameSite?: "Strict" | "Lax" | "None";
  /** 0 removes the cookie; without it the cookie lasts until the browser closes. */
  maxAgeSeconds?: number;
}

/** The cookies of a request's Cookie header; of two with one name the first, most specific one counts. */
export function readCookies(header: string | null | undefined): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of (header ?? "").split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim();
    if (name !== "" && !cookies.has(name)) cookies.set(name, pair.slice(equals + 1).trim());
  }
  return cookies;
}

/** @throws {RangeError} for a name or value that a cookie cannot carry */
export function formatCookie(name: string, value: string, options: CookieOptions = {}): string {
  const { path = "/", httpOnly = true, secure = false, sameSite = "Lax", maxAgeSeconds } = options;
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new RangeError(`Cannot set cookie "${name}"`);
  if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value)) {
    throw new RangeError(
      `Cannot set cookie "${name}": its value has characters that must be encoded`,
    );
  }
  const attributes = [`${name}=${value}`, `Path=${path}`, `SameSite=${sameSite}`];
  if (maxAgeSeconds !== undefined) attributes.push(`Max-Age=${Math.floor(maxAgeSeconds)}`);
  if (httpOnly) attributes.push("HttpOnly");
  if (secure) attributes.push("Secure");
  return attributes.join("; ");
}
