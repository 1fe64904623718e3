import type { IncomingHttpHeaders } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import type { TokenVerifier, UserClaims } from "@hivematrix/lib/token_verifier";
import type { CoreClient } from "./core_client.ts";
import { hashSessionId, type TrustedSessions } from "./trusted_sessions.ts";

export interface Session {
  readonly token: string;
  /** What services get: made once, for it is long and goes along with every request. */
  readonly authorization: string;
  readonly user: UserClaims;
  /** How Core's revocation feed names the session. */
  readonly hash: string;
}

/**
 * Who a token belongs to: its signature is checked here, its revocation asked of Core, unless Core
 * has confirmed it before and would have told us of its end. Fails closed: no answer from Core is no
 * session.
 *
 * @param isUse whether the request counts as activity of the person. Default true
 */
export type SessionCheck = (
  token: string,
  options?: { isUse?: boolean },
) => Session | undefined | Promise<Session | undefined>;

/** @returns a check that fails with {HttpError} 503 while Core cannot be asked */
export function createSessionCheck(
  verifier: TokenVerifier,
  core: CoreClient,
  trusted: TrustedSessions,
): SessionCheck {
  const ask = async (token: string, use: { isUse: boolean }) => {
    const caller = await verifier.verify(token).catch((error: unknown) => {
      if (error instanceof HttpError && error.status === 401) return undefined;
      throw error;
    });
    // A service token is signed by Core too, but it is nobody's session.
    if (caller?.kind !== "user") return undefined;
    const question = trusted.ask();
    if (!(await core.isLive(token, use))) return undefined;
    const { user } = caller;
    const authorization = `Bearer ${token}`;
    const session = { token, authorization, user, hash: hashSessionId(user.jti) };
    question.remember(session, use);
    return session;
  };
  return (token, { isUse = true } = {}) =>
    trusted.find(token, isUse ? use : look) ?? ask(token, isUse ? use : look);
}

const use = { isUse: true };
const look = { isUse: false };

/**
 * The token of a request: that of the header, if there is a Bearer header at all, or else the
 * cookie's. Other schemes (Basic of a proxy in front of us) are not for us.
 */
export function readToken(
  { authorization }: IncomingHttpHeaders,
  cookieToken: string | undefined,
): { token: string | undefined; isFromCookie: boolean } {
  if (!isBearer(authorization)) return { token: cookieToken, isFromCookie: true };
  // RFC 6750 §2.1
  const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization) ?? [];
  return { token, isFromCookie: false };
}

export function isBearer(authorization: string | undefined): authorization is string {
  return authorization !== undefined && /^Bearer(?:\s|$)/i.test(authorization);
}
