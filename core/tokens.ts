import { randomUUID } from "node:crypto";
import { invalidToken, readCaller, type UserClaims } from "@hivematrix/lib/token_verifier";
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import type { Session } from "./session_store.ts";
import type { KeySet } from "./signing_key.ts";

/** Contract §4. */
export const serviceTokenLifetimeSeconds = 300;

const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Mints the platform's tokens and reads them back. */
export interface Tokens {
  /** The token of a session: it begins and ends with it. */
  mintUserToken(session: Session): Promise<string>;
  mintServiceToken(callingService: string, targetService: string): Promise<string>;
  /**
   * The claims of a user token of ours, without asking whether its session lives.
   *
   * @throws {HttpError} 401 for any other token, and for one past its `exp` unless that is accepted
   */
  readUserToken(token: string, options?: { acceptExpired?: boolean }): Promise<UserClaims>;
}

export interface TokensOptions {
  readonly keys: KeySet;
  /** The `iss` of every token: design §3, setting JWT_ISSUER. */
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export function createTokens({ keys, issuer, now = Date.now }: TokensOptions): Tokens {
  const sign = (claims: JWTPayload) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: keys.signing.kid, typ: "JWT" })
      .sign(keys.signing.privateKey);

  const findKey = ({ kid }: { kid?: string }) => {
    const key = keys.published.find((published) => published.kid === kid);
    if (key === undefined) throw invalidToken("it is not signed with a key of this platform");
    return key.publicKey;
  };

  return {
    mintUserToken({ id, user, createdAtSeconds, expiresAtSeconds }) {
      // No `aud`: PyJWT in the contract's decorator refuses a token that has one (contract §7).
      const claims = { iss: issuer, ...user, groups: [...user.groups], jti: id };
      return sign({ ...claims, iat: createdAtSeconds, exp: expiresAtSeconds });
    },

    mintServiceToken(callingService, targetService) {
      const iat = Math.floor(now() / 1000);
      return sign({
        iss: issuer,
        sub: `service:${callingService}`,
        calling_service: callingService,
        target_service: targetService,
        type: "service",
        jti: randomUUID(),
        iat,
        exp: iat + serviceTokenLifetimeSeconds,
      });
    },

    async readUserToken(token, { acceptExpired = false } = {}) {
      // jose is lenient about white space in base64; a token has one spelling (RFC 7515 §2).
      if (!compactForm.test(token)) throw invalidToken("it is no JSON Web Token");
      const { payload } = await jwtVerify(token, findKey, {
        // What a token says of its own algorithm or keys counts for nothing (RFC 8725 §3.1, §3.10).
        algorithms: ["RS256"],
        issuer,
        requiredClaims: ["sub", "jti", "iat", "exp"],
        // Judged as of 1970 nothing has expired, and all other rules hold as ever.
        currentDate: new Date(acceptExpired ? 0 : now()),
      }).catch((error: unknown) => {
        throw error instanceof errors.JOSEError ? invalidToken(describeFault(error), error) : error;
      });
      const caller = readCaller(payload, token, "core");
      if (caller.kind !== "user") throw invalidToken("it is not a user token");
      return caller.user;
    },
  };
}

function describeFault(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `its claim "${error.claim}" does not hold`;
  }
  return "its signature or form does not hold";
}
