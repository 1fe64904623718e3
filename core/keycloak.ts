import { HttpError } from "@hivematrix/lib/http_error";

/** The identity provider as Core reaches it, and the client that Core is there. */
export interface Keycloak {
  /** KEYCLOAK_BACKEND_URL: the direct way, not through Nexus. */
  readonly backendUrl: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The `iss` of its tokens, which is its public address; logout tokens are judged by it. */
  readonly issuer?: string | undefined;
}

/** The address of one of the realm's OpenID Connect endpoints: `userinfo`, `logout`, `certs`. */
export function openidEndpoint({ backendUrl, realm }: Keycloak, name: string): URL {
  const base = backendUrl.replace(/\/+$/, "");
  return new URL(`${base}/realms/${encodeURIComponent(realm)}/protocol/openid-connect/${name}`);
}

/** 503: nothing is wrong with what the caller sent, the identity provider cannot be asked now. */
export function providerIsAway(reason: string, cause?: unknown): HttpError {
  return new HttpError(503, `The identity provider cannot be asked: ${reason}`, {
    cause,
    headers: { "retry-after": "2" },
  });
}
