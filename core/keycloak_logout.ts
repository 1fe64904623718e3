import { request } from "undici";
import { type Keycloak, openidEndpoint } from "./keycloak.ts";

/**
 * Ends the provider's own session by the refresh token that belongs to it, so that the next sign-in
 * asks for the password again. Keycloak's logout endpoint takes it from the client directly: no
 * token passes through the browser.
 *
 * @throws {Error} saying why, when the provider does not confirm within `timeoutMs` (default 2 s)
 */
export async function endProviderSession(
  keycloak: Keycloak,
  refreshToken: string,
  { timeoutMs = 2000 }: { timeoutMs?: number } = {},
): Promise<void> {
  const form = new URLSearchParams({
    client_id: keycloak.clientId,
    client_secret: keycloak.clientSecret,
    refresh_token: refreshToken,
  });
  const { statusCode, body } = await request(openidEndpoint(keycloak, "logout"), {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: form.toString(),
    reset: true,
    signal: AbortSignal.timeout(timeoutMs),
  });
  await body.dump({ limit: 64 * 1024 });
  if (statusCode < 200 || statusCode > 299) {
    throw new Error(`The identity provider answered the logout with ${statusCode}`);
  }
}
