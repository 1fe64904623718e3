import type { IncomingHttpHeaders } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import type { TokenVerifier, UserClaims } from "@hivematrix/lib/token_verifier";
import type { CoreClient } from "./core_client.ts";

export interface Session {
  readonly token: string;
  readonly user: UserClaims;
}

/**
 * Who a token belongs to: its signature is checked here, its revocation asked of Core. Fails
 * closed: no answer from Core is no session.
 */
export type SessionCheck = (token: string) => Promise<Session | undefined>;

/** @returns a check that throws {HttpError} 503 while Core cannot be asked */
export function createSessionCheck(verifier: TokenVerifier, core: CoreClient): SessionCheck {
  return async (token) => {
    const caller = await verifier.verify(token).catch((error: unknown) => {
      if (error instanceof HttpError && error.status === 401) return undefined;
      throw error;
    });
    // A service token is signed by Core too, but it is nobody's session.
    if (caller?.kind !== "user") return undefined;
    return (await core.isLive(token)) ? { token, user: caller.user } : undefined;
  };
}

/**
 * The token of a request: that of the header, if there is a Bearer header at all, or else the
 * cookie's. Other schemes (Basic of a proxy in front of us) are not for us.
 */
export function readToken(
  { authorization }: IncomingHttpHeaders,
  readCookie: () => string | undefined,
): { token: string | undefined; isFromCookie: boolean } {
  if (!isBearer(authorization)) return { token: readCookie(), isFromCookie: true };
  // RFC 6750 §2.1
  const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization) ?? [];
  return { token, isFromCookie: false };
}

export function isBearer(authorization: string | undefined): authorization is string {
  return /^Bearer(?:\s|$)/i.test(authorization ?? "");
}
