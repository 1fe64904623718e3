/** The names of Nexus's cookies at one public address. */
export interface CookieNames {
  readonly session: string;
  /** One for each sign-in attempt, so that several tabs can sign in at once. */
  loginAttempt(state: string): string;
  isLoginAttempt(name: string): boolean;
  /** Of a browser in which people have signed in before. */
  readonly knownBrowser: string;
}

/**
 * Whether a cookie is a gateway's, of this installation or of another on the same host (cookies do
 * not know ports): no service may see it, and none may set it.
 */
export function isGatewayCookie(name: string): boolean {
  return /^(?:__Host-)?hivematrix_(?:session|login|browser)(?:_|$)/i.test(name);
}

/**
 * With TLS the `__Host-` prefix binds a cookie to this very origin (RFC 6265bis §4.1.3.2). Browsers
 * refuse it on plain HTTP, so development without TLS goes without. Cookies do not know ports
 * (RFC 6265 §8.5), so a second installation on the same host puts its port into the name.
 */
export function cookieNames(publicOrigin: URL): CookieNames {
  const isSecure = publicOrigin.protocol === "https:";
  const isUsualPort = publicOrigin.port === "" || publicOrigin.port === "8000";
  const suffix = isUsualPort ? "" : `_${publicOrigin.port}`;
  const prefix = `${isSecure ? "__Host-" : ""}hivematrix`;
  const login = `${prefix}_login${suffix}_`;
  return {
    session: `${prefix}_session${suffix}`,
    loginAttempt: (state) => `${login}${state.slice(0, 16)}`,
    isLoginAttempt: (name) => name.startsWith(login),
    knownBrowser: `${prefix}_browser${suffix}`,
  };
}
