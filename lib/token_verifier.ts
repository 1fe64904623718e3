import { errors, type JWTPayload, jwtVerify } from "jose";
import { CoreAwayError, createCoreKeys } from "./core_keys.ts";
import { HttpError } from "./http_error.ts";

export const permissionLevels = ["admin", "technician", "billing", "client"] as const;

/** What a person may do (contract §3), from most to least. */
export type PermissionLevel = (typeof permissionLevels)[number];

/** The claims of a user token, as Core mints it. */
export interface UserClaims {
  readonly iss: string;
  readonly sub: string;
  readonly name: string;
  readonly email: string;
  readonly preferred_username: string;
  readonly permission_level: PermissionLevel;
  readonly groups: readonly string[];
  /** The session's id (RFC 7519 §4.1.7), by which Core can revoke the token. */
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
}

export interface UserCaller {
  readonly kind: "user";
  readonly user: UserClaims;
  /** The token as it came, to be passed on where a call is made in the person's name. */
  readonly token: string;
}

export interface ServiceCaller {
  readonly kind: "service";
  readonly service: string;
}

/** Who is behind a token: a person, or another service. */
export type Caller = UserCaller | ServiceCaller;

export interface TokenVerifier {
  /** @throws {HttpError} 401 when the token does not hold, 503 when Core's keys cannot be had */
  verify(token: string): Promise<Caller>;
}

/** jose overlooks white space within a token; a token has one spelling (RFC 7515 §2). */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Core never mints for the future; more than this between two clocks means one was turned back. */
const clockToleranceSeconds = 60;

/**
 * Checks tokens against Core's public keys. The algorithm is RS256 whatever a token says, and keys
 * that a token brings along (`jku`, `x5u`, `jwk`) are not looked at (RFC 8725 §3.1, §3.10).
 *
 * @param service this service's name: a service token for any other is refused
 */
export function createTokenVerifier({
  coreUrl,
  service,
  issuer = "hivematrix.core",
}: {
  coreUrl: string;
  service: string;
  issuer?: string | undefined;
}): TokenVerifier {
  const keys = createCoreKeys(coreUrl);
  const options = {
    algorithms: ["RS256"],
    issuer,
    requiredClaims: ["exp", "iat", "sub", "jti"],
  };
  return {
    async verify(token) {
      if (!compactForm.test(token)) throw invalidToken("it is no JSON Web Token");
      const { payload } = await jwtVerify(token, keys, options).catch((error: unknown) => {
        throw toHttpError(error);
      });
      if (Number(payload.iat) > Date.now() / 1000 + clockToleranceSeconds) {
        throw invalidToken("it was issued in the future");
      }
      return readCaller(payload, token, service);
    },
  };
}

/**
 * @param payload verified claims
 * @throws {HttpError} 401 for a token that is neither a user's nor a service's for this service
 */
export function readCaller(payload: JWTPayload, token: string, service: string): Caller {
  if (payload["type"] === "service") {
    const { calling_service, target_service } = payload;
    const isNamed = typeof calling_service === "string" && calling_service !== "";
    if (!isNamed || payload.sub !== `service:${calling_service}`) {
      throw invalidToken("it does not say which service calls");
    }
    // What claims to be both would be whichever suits it.
    if (payload["permission_level"] !== undefined) throw invalidToken("it is no service's token");
    if (target_service !== service) {
      throw invalidToken(`it is meant for "${String(target_service)}", not for "${service}"`);
    }
    return { kind: "service", service: calling_service };
  }
  if (!isUserClaims(payload)) throw invalidToken("it is not a user token");
  return { kind: "user", user: payload, token };
}

/** 401 with the challenge of RFC 6750 §3. */
export function invalidToken(reason: string, cause?: unknown): HttpError {
  return new HttpError(401, `Invalid token: ${reason}`, {
    cause,
    headers: { "www-authenticate": 'Bearer error="invalid_token"' },
  });
}

function isUserClaims(payload: JWTPayload): payload is JWTPayload & UserClaims {
  const { groups } = payload;
  const isText = (claim: string) => typeof payload[claim] === "string";
  return (
    payload["type"] === undefined &&
    permissionLevels.includes(payload["permission_level"] as PermissionLevel) &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === "string") &&
    ["sub", "jti", "name", "email", "preferred_username"].every(isText) &&
    payload.sub !== "" &&
    payload.jti !== ""
  );
}

function toHttpError(error: unknown): HttpError {
  if (error instanceof CoreAwayError) {
    return new HttpError(503, "Core's public keys cannot be fetched at the moment", {
      cause: error,
      headers: { "retry-after": "2" },
    });
  }
  if (error instanceof errors.JWTExpired) return invalidToken("it has expired", error);
  if (error instanceof errors.JWKSNoMatchingKey) {
    return invalidToken("it is signed with a key that Core does not know", error);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalidToken(`its claim "${error.claim}" does not hold`, error);
  }
  return invalidToken("its signature or form does not hold", error);
}
