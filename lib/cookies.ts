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

/** Browsers drop a cookie whose name and value together are longer (RFC 6265bis §5.7). */
const maxCookieBytes = 4096;

/** @throws {RangeError} for what a cookie cannot carry, and for what browsers would drop unsaid */
export function formatCookie(name: string, value: string, options: CookieOptions = {}): string {
  const { path = "/", httpOnly = true, secure = false, sameSite = "Lax", maxAgeSeconds } = options;
  const refuse = (reason: string): never => {
    throw new RangeError(`Cannot set cookie "${name}": ${reason}`);
  };
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) refuse("that is no name for a cookie");
  if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value)) {
    refuse("its value has characters that must be encoded");
  }
  if (!/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path)) refuse(`"${path}" is no path`);
  if (name.length + value.length > maxCookieBytes) refuse(`it is over ${maxCookieBytes} bytes`);
  // The rules of RFC 6265bis §4.1.3 and §5.7 that depend on one another.
  if (/^__(host|secure)-/i.test(name) && !secure) refuse("a name with this prefix needs Secure");
  if (/^__host-/i.test(name) && path !== "/") refuse('a name with this prefix needs the path "/"');
  if (sameSite === "None" && !secure) refuse("SameSite=None needs Secure");
  const attributes = [`${name}=${value}`, `Path=${path}`, `SameSite=${sameSite}`];
  if (maxAgeSeconds !== undefined) attributes.push(`Max-Age=${Math.floor(maxAgeSeconds)}`);
  if (httpOnly) attributes.push("HttpOnly");
  if (secure) attributes.push("Secure");
  return attributes.join("; ");
}
