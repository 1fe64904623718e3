import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
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
  // An unknown `kid` asks Core again, at most once in this time: forged ids must not become load.
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", coreUrl), {
    cooldownDuration: 5000,
    timeoutDuration: 3000,
  });
  return {
    async verify(token) {
      const options = {
        algorithms: ["RS256"],
        issuer,
        requiredClaims: ["exp", "iat", "sub", "jti"],
      };
      const verified = await jwtVerify(token, keys, options).catch((error: unknown) => {
        throw toHttpError(error);
      });
      return readCaller(verified.payload, token, service);
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
    if (typeof calling_service !== "string" || calling_service === "") {
      throw invalidToken("it names no calling_service");
    }
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
  return (
    payload["type"] === undefined &&
    permissionLevels.includes(payload["permission_level"] as PermissionLevel) &&
    Array.isArray(payload["groups"]) &&
    ["sub", "jti", "name", "email", "preferred_username"].every(
      (claim) => typeof payload[claim] === "string",
    )
  );
}

function toHttpError(error: unknown): HttpError {
  if (error instanceof errors.JWTExpired) return invalidToken("it has expired", error);
  if (error instanceof errors.JWKSNoMatchingKey) {
    return invalidToken("it is signed with a key that Core does not know", error);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalidToken(`its claim "${error.claim}" does not hold`, error);
  }
  const isTokensFault =
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSMultipleMatchingKeys;
  if (isTokensFault) return invalidToken("its signature or form does not hold", error);
  return new HttpError(503, "Core's public keys cannot be fetched at the moment", {
    cause: error,
    headers: { "retry-after": "2" },
  });
}
