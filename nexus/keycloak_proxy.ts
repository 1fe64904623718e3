import { HttpError } from "@hivematrix/lib/http_error";
import { pathBelow } from "./canonical_target.ts";
import type { Upstream } from "./forward.ts";
import { createUpstream, type ForwardingParts, forwardPassage } from "./forward_passage.ts";
import type { NexusLimits } from "./limits.ts";
import type { NexusSettings } from "./nexus_settings.ts";
import type { Passage } from "./passage.ts";
import type { PasswordGuard } from "./password_guard.ts";
import { hasBody, readContent } from "./request_content.ts";
import type { SessionCookie } from "./session_cookie.ts";
import type { SignInLimit } from "./sign_in_limit.ts";

export interface KeycloakProxyParts extends ForwardingParts {
  /** `undefined`: the provider has an address of its own, which browsers use. */
  readonly keycloak: Upstream | undefined;
  /** KEYCLOAK_REALM */
  readonly realm: string;
  readonly sessionCookie: SessionCookie;
  readonly signInLimit: SignInLimit;
  /** Where the provider does not count passwords as Nexus would. */
  readonly guardPasswords?: PasswordGuard | undefined;
  readonly limits: Pick<NexusLimits, "body_idle_seconds">;
}

/** The provider's forms are small, and anybody may send one. */
const maxFormBytes = 1024 * 1024;

/** @returns `undefined` when browsers do not reach the provider through here */
export function createKeycloakUpstream(
  settings: Pick<NexusSettings, "KEYCLOAK_SERVER_URL" | "KEYCLOAK_BACKEND_URL">,
  publicOrigin: URL,
): Upstream | undefined {
  const { KEYCLOAK_SERVER_URL: publicUrl, KEYCLOAK_BACKEND_URL: url } = settings;
  if (publicUrl !== `${publicOrigin.origin}/keycloak`) return undefined;
  return { ...createUpstream("keycloak", url, publicOrigin), explain: signInIsAway };
}

/**
 * The provider's pages for browsers: no session needed, nothing changed, its admin API left out, and
 * so are other realms: Keycloak's `master` gives whoever guesses its administrator's password a token
 * for all of it. While the provider cannot be reached, its pages are answered with 503.
 *
 * @throws {HttpError} 404 for anything else of the provider, 429; 408, 413 and 415 for a form
 */
export function forwardToKeycloak(
  parts: KeycloakProxyParts,
  passage: Passage,
): undefined | Promise<undefined> {
  const { target, incoming } = passage;
  const rest = pathBelow(target.path, "keycloak");
  const { keycloak } = parts;
  if (keycloak === undefined || !isPublic(rest, parts.realm)) {
    throw new HttpError(404, `There is no page at ${target.path}`);
  }
  // Its pictures and styles cost it little, and each page asks for many.
  if (!rest.startsWith("/resources/")) parts.signInLimit(passage);
  if (!hasBody(incoming)) return sendOn(parts, keycloak, passage, rest);
  const idleMs = parts.limits.body_idle_seconds * 1000;
  return readContent(incoming, { maxBytes: maxFormBytes, idleMs }).then((content) => {
    parts.guardPasswords?.(passage, rest, content);
    return sendOn(parts, keycloak, passage, rest, content);
  });
}

/** @param path below `/keycloak` */
function isPublic(path: string, realm: string): boolean {
  const realmPath = `/realms/${encodeURIComponent(realm)}`;
  if (path === realmPath || path.startsWith(`${realmPath}/`)) return true;
  return /^\/(?:resources|\.well-known)\//.test(path) || path === "/robots.txt";
}

function sendOn(
  parts: KeycloakProxyParts,
  keycloak: Upstream,
  passage: Passage,
  rest: string,
  content?: Buffer,
): undefined {
  const { target, headers } = passage;
  // A client's own credential is for the provider's endpoints (client authentication), no session.
  const { authorization } = headers;
  passage.foreignCookies = parts.sessionCookie.readHeader(headers.cookie).foreignCookies;
  passage.exchange = forwardPassage(parts, passage, keycloak, {
    target: rest + target.query,
    authorization,
    content,
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
