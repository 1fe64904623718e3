// The few questions that Core asks Keycloak's Admin REST API, as its own client's service account.
import type { Keycloak } from "./keycloak.ts";
import { KeycloakAccount } from "./keycloak_account.ts";
import {
  openProviderQuestions,
  type ProviderAnswer,
  ProviderAwayError,
  ProviderRefusalError,
} from "./provider_question.ts";

/** What the questions take, roles of the client `realm-management`. */
export type AdminRole = "view-users" | "view-events";

export interface KeycloakAdmin {
  /** Milliseconds since 1970 by the provider's clock, exact to the second. */
  readClock(): Promise<number>;
  /**
   * GET below `/admin/realms/<realm>/`.
   *
   * @returns the JSON of the answer, or `undefined` where there is no such user
   * @throws {ProviderAwayError | ProviderRefusalError}
   */
  get(path: string, role: AdminRole, query?: URLSearchParams): Promise<unknown>;
  close(): Promise<void>;
}

export interface KeycloakAdminOptions {
  readonly timeoutMs?: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

export function createKeycloakAdmin(
  keycloak: Keycloak,
  { now = () => performance.now(), ...options }: KeycloakAdminOptions = {},
): KeycloakAdmin {
  const { ask, close } = openProviderQuestions(options);
  const account = new KeycloakAccount(keycloak, ask, now);
  const askAsOneself = async (url: URL): Promise<ProviderAnswer> => {
    const token = await account.getToken();
    const headers = { authorization: `Bearer ${token.text}` };
    const answer = await ask(url, { method: "GET", headers });
    if (answer.statusCode === 401) account.drop(token);
    return answer;
  };
  return {
    readClock: async () => now() + (await account.getToken()).clockOffsetMs,
    async get(path, role, query) {
      const url = adminAddress(keycloak, path, query);
      let answer = await askAsOneself(url);
      // Everybody was signed out there, or it has new keys: a new token is good again.
      if (answer.statusCode === 401) answer = await askAsOneself(url);
      return readAnswer(answer, path, () => missingRole(keycloak, role));
    },
    close,
  };
}

function adminAddress({ backendUrl, realm }: Keycloak, path: string, query?: URLSearchParams): URL {
  const base = `${backendUrl.replace(/\/+$/, "")}/admin/realms/${encodeURIComponent(realm)}`;
  return new URL(query === undefined ? `${base}/${path}` : `${base}/${path}?${query}`);
}

function readAnswer({ statusCode, body }: ProviderAnswer, path: string, remedy: () => string) {
  if (statusCode === 200) return body;
  // Not any 404: a proxy that does not pass the API on must not look like a realm without people.
  if (statusCode === 404 && body["error"] === "User not found") return undefined;
  const what = `it answered GET ${path.split("/", 1)[0]} with ${statusCode}`;
  if (statusCode === 401 || statusCode === 403) {
    throw new ProviderRefusalError(`${what}: ${remedy()}`);
  }
  if (statusCode === 400) throw new ProviderRefusalError(`${what}: it does not know the question`);
  throw new ProviderAwayError(what);
}

function missingRole({ clientId, realm }: Keycloak, role: AdminRole): string {
  return `give the service account of client "${clientId}" in realm "${realm}" the role "${role}" of realm-management`;
}
