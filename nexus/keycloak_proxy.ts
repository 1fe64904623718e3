import { HttpError } from "@hivematrix/lib/http_error";
import { pathBelow } from "./canonical_target.ts";
import { type ForwardingParts, forwardPassage } from "./forward_passage.ts";
import type { Passage } from "./passage.ts";

export interface KeycloakProxyParts extends ForwardingParts {
  readonly keycloakUrl: string;
}

/**
 * The provider's pages for browsers: no session needed, nothing changed, its admin API left out.
 *
 * @throws {HttpError} 404 for anything else of the provider, 503 while it cannot be reached
 */
export async function forwardToKeycloak(
  parts: KeycloakProxyParts,
  passage: Passage,
): Promise<undefined> {
  const { target, headers } = passage;
  const rest = pathBelow(target.path, "keycloak");
  const isPublic = /^\/(?:realms|resources|\.well-known)\//.test(rest) || rest === "/robots.txt";
  if (!isPublic) throw new HttpError(404, `There is no page at ${target.path}`);
  // A client's own credential is for the provider's endpoints (client authentication), no session.
  const { authorization } = headers;
  await forwardPassage(parts, passage, {
    name: "keycloak",
    url: new URL(parts.keycloakUrl),
    target: rest + target.query,
    headers: authorization === undefined ? [] : ["authorization", authorization],
  }).catch((error: unknown) => {
    throw error instanceof HttpError ? signInIsAway(error) : error;
  });
}

/** Not 502: what is away is the sign-in, for everyone, and it will be back (R25). */
function signInIsAway(cause: HttpError): HttpError {
  return new HttpError(
    503,
    "Nobody can sign in at the moment, because the sign-in service does not answer. Whoever is signed in already can go on working.",
    { cause, headers: { "retry-after": "3" } },
  );
}
