// Whether a logout token is the provider's, and meant for us: whoever could forge or replay one
// could sign people out.
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import { type Keycloak, openidEndpoint, providerIsAway } from "./keycloak.ts";

/** Why a logout token does not count. */
export class LogoutTokenError extends Error {
  override readonly name = "LogoutTokenError";
}

export type LogoutToken = {
  readonly jti: string;
  /** Until then the token could be used again; afterwards it is too old in any case. */
  readonly freshUntilSeconds: number;
} & (
  | { readonly sid: string; readonly sub: string | undefined }
  | { readonly sid: undefined; readonly sub: string }
);

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";

const maxAgeSeconds = 120;

/** For the difference of two machines' clocks. */
const clockToleranceSeconds = 10;

/**
 * `logout+jwt` is the type (§2.4); Keycloak has long sent plain `JWT`. What keeps an ID token from
 * being taken for a logout token then is the event it must have and the nonce it must not.
 */
const types = new Set(["logout+jwt", "application/logout+jwt", "jwt"]);

/**
 * Reads logout tokens by the rules of OpenID Connect Back-Channel Logout 1.0 §2.6. The reader
 * throws LogoutTokenError, or HttpError 503 when the provider's keys cannot be had.
 *
 * @param now milliseconds since 1970
 */
export function createLogoutTokenReader(
  keycloak: Keycloak,
  now: () => number,
): (token: string) => Promise<LogoutToken> {
  const { issuer, clientId } = keycloak;
  const keys = createRemoteJWKSet(openidEndpoint(keycloak, "certs"), {
    timeoutDuration: 3000,
    cooldownDuration: 5000,
  });
  return async (token) => {
    if (issuer === undefined) {
      throw new LogoutTokenError("KEYCLOAK_ISSUER is not set in core/.env, so no issuer is known");
    }
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      // What the token says of its algorithm or keys counts for nothing (RFC 8725 §3.1, §3.10).
      algorithms: ["RS256"],
      issuer,
      audience: clientId,
      requiredClaims: ["iat", "jti", "events"],
      maxTokenAge: maxAgeSeconds,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now()),
    }).catch((error: unknown) => {
      throw readFault(error);
    });
    if (!types.has(protectedHeader.typ?.toLowerCase() ?? "")) {
      throw new LogoutTokenError('its type is not "logout+jwt"');
    }
    return readClaims(payload);
  };
}

function readFault(error: unknown): Error {
  const isKeyTrouble =
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    // jose's own name for an answer of the certs endpoint that is not 200 or not JSON
    error.code === "ERR_JOSE_GENERIC";
  if (isKeyTrouble) return providerIsAway("its keys cannot be fetched", error);
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) {
    return new LogoutTokenError(`its claim "${error.claim}" does not hold`);
  }
  return new LogoutTokenError("its signature or form does not hold");
}

function readClaims({ jti, sub, iat, events, nonce, sid }: JWTPayload): LogoutToken {
  if (typeof jti !== "string" || jti === "") throw new LogoutTokenError("it has no jti");
  if (nonce !== undefined) throw new LogoutTokenError("it has a nonce, as an ID token has");
  if (!isLogout(events)) throw new LogoutTokenError("its events do not say logout");
  const freshUntilSeconds = (iat ?? 0) + maxAgeSeconds + 2 * clockToleranceSeconds;
  const subject = readName(sub, "sub");
  const session = readName(sid, "sid");
  if (session !== undefined) return { jti, freshUntilSeconds, sid: session, sub: subject };
  if (subject !== undefined) return { jti, freshUntilSeconds, sid: undefined, sub: subject };
  throw new LogoutTokenError("it has neither sub nor sid");
}

function isLogout(events: unknown): boolean {
  if (typeof events !== "object" || events === null || !Object.hasOwn(events, logoutEvent)) {
    return false;
  }
  const event = (events as Record<string, unknown>)[logoutEvent];
  return typeof event === "object" && event !== null && !Array.isArray(event);
}

function readName(value: unknown, claim: string): string | undefined {
  if (value === undefined) return undefined;
  // PostgreSQL cannot store U+0000, so no session has it.
  if (typeof value === "string" && value !== "" && !value.includes("\u0000")) return value;
  throw new LogoutTokenError(`its claim "${claim}" is no name`);
}
