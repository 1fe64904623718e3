// The OpenID Connect relying party: where to send a browser, and what its answer is worth.
import { HttpError } from "@hivematrix/lib/http_error";
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import { Agent, request } from "undici";
import { codeChallenge, type LoginAttempt } from "./login_attempt.ts";
import { createMetadataReader, type ProviderMetadata } from "./provider_metadata.ts";

export interface ProviderSettings {
  /** As browsers reach it: `<public origin>/keycloak`; the issuer is below it. */
  readonly publicUrl: string;
  /** As this process reaches it. */
  readonly backendUrl: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
}

/** What a code was worth (OpenID Connect Core §3.1.3.3), the ID token's claims verified. */
export interface ProviderTokens {
  readonly accessToken: string;
  readonly idToken: string;
  readonly refreshToken: string | undefined;
  readonly claims: JWTPayload & { sub: string };
}

export interface Provider {
  readonly issuer: string;
  /**
   * The address that begins an attempt (OpenID Connect Core §3.1.2.1).
   *
   * @param options.asksNewPassword the person wants to choose another password on the way (Keycloak's
   *   application-initiated actions, which the embedded provider knows too)
   */
  authorizationUrl(attempt: LoginAttempt, options?: { asksNewPassword?: boolean }): URL;
  /** @throws {HttpError} 503 when it cannot be had, 502 when it is another provider's */
  readMetadata(): Promise<ProviderMetadata>;
  /** @throws {HttpError} 400 when the code is refused or the ID token does not hold, 503 when nobody answers */
  redeemCode(code: string, attempt: LoginAttempt): Promise<ProviderTokens>;
  /**
   * Where a person signs out at the provider, who asks first, as the address names nobody (OpenID
   * Connect RP-Initiated Logout §2): a token has no place in an address (R5).
   */
  readonly signOutUrl: string;
  close(): Promise<void>;
}

const timeoutMs = 10_000;
/** How far the provider's clock may differ from ours. */
const clockToleranceSeconds = 10;

export function createProvider(settings: ProviderSettings): Provider {
  const issuer = `${settings.publicUrl}/realms/${settings.realm}`;
  const realmUrl = `${settings.backendUrl}/realms/${settings.realm}`;
  const backend = `${realmUrl}/protocol/openid-connect`;
  const agent = new Agent({ connections: 8, connect: { timeout: 2000 } });
  const keys = createRemoteJWKSet(new URL(`${backend}/certs`), {
    cooldownDuration: 5000,
    timeoutDuration: 5000,
  });

  const signOutUrl = new URL(`${issuer}/protocol/openid-connect/logout`);
  signOutUrl.search = new URLSearchParams({
    client_id: settings.clientId,
    post_logout_redirect_uri: new URL("/", settings.redirectUri).href,
  }).toString();

  return {
    issuer,
    signOutUrl: signOutUrl.href,
    authorizationUrl(attempt, { asksNewPassword = false } = {}) {
      const url = new URL(`${issuer}/protocol/openid-connect/auth`);
      url.search = new URLSearchParams({
        response_type: "code",
        client_id: settings.clientId,
        redirect_uri: settings.redirectUri,
        scope: "openid profile email",
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: codeChallenge(attempt.codeVerifier),
        code_challenge_method: "S256",
        ...(asksNewPassword && { kc_action: "UPDATE_PASSWORD" }),
      }).toString();
      return url;
    },
    readMetadata: createMetadataReader(issuer, {
      url: `${realmUrl}/.well-known/openid-configuration`,
      dispatcher: agent,
    }),
    async redeemCode(code, attempt) {
      const answer = await sendTokenRequest(`${backend}/token`, agent, settings, {
        grant_type: "authorization_code",
        code,
        redirect_uri: settings.redirectUri,
        code_verifier: attempt.codeVerifier,
      });
      const tokens = readTokenResponse(answer);
      const claims = await verifyIdToken(tokens.idToken, keys, {
        issuer,
        clientId: settings.clientId,
        nonce: attempt.nonce,
      });
      return { ...tokens, claims };
    },
    close: () => agent.close(),
  };
}

async function sendTokenRequest(
  url: string,
  agent: Agent,
  { clientId, clientSecret }: ProviderSettings,
  form: Record<string, string>,
): Promise<Record<string, unknown>> {
  // RFC 6749 §2.3.1: both parts are form-encoded before they become Basic credentials.
  const credential = [clientId, clientSecret].map(encodeURIComponent).join(":");
  const answer = await request(url, {
    method: "POST",
    headers: {
      accept: "application/json",
      authorization: `Basic ${Buffer.from(credential).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams(form).toString(),
    dispatcher: agent,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
    .then(async ({ statusCode, body }) => ({ statusCode, text: await body.text() }))
    .catch((error: unknown) => {
      throw providerIsAway(error);
    });
  if (answer.statusCode >= 500) {
    throw providerIsAway(new Error(`the token endpoint answered ${answer.statusCode}`));
  }
  const body = parseObject(answer.text);
  if (answer.statusCode !== 200) {
    throw loginFailed(`the identity provider refused the code (${String(body["error"])})`);
  }
  return body;
}

function readTokenResponse(body: Record<string, unknown>): Omit<ProviderTokens, "claims"> {
  const { access_token, id_token, refresh_token, token_type } = body;
  if (typeof access_token !== "string" || typeof id_token !== "string") {
    throw loginFailed("the identity provider's answer lacks a token");
  }
  if (String(token_type).toLowerCase() !== "bearer") {
    throw loginFailed("the identity provider's access token is no bearer token");
  }
  return {
    accessToken: access_token,
    idToken: id_token,
    refreshToken: typeof refresh_token === "string" ? refresh_token : undefined,
  };
}

/** The checks of OpenID Connect Core §3.1.3.7 that apply to the code flow. */
async function verifyIdToken(
  idToken: string,
  keys: ReturnType<typeof createRemoteJWKSet>,
  { issuer, clientId, nonce }: { issuer: string; clientId: string; nonce: string },
): Promise<JWTPayload & { sub: string }> {
  const { payload } = await jwtVerify(idToken, keys, {
    algorithms: ["RS256"],
    issuer,
    audience: clientId,
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ["sub", "iat", "exp", "nonce"],
  }).catch((error: unknown) => {
    throw areKeysAway(error)
      ? providerIsAway(error)
      : loginFailed("its ID token does not hold", error);
  });
  const { sub, iat = 0, nonce: answered, aud, azp } = payload;
  if (typeof sub !== "string" || sub === "") throw loginFailed("its ID token names nobody");
  if (answered !== nonce) throw loginFailed("its ID token belongs to another attempt");
  const isForOthersToo = Array.isArray(aud) && aud.length > 1;
  if ((isForOthersToo || azp !== undefined) && azp !== clientId) {
    throw loginFailed("its ID token was issued to another client");
  }
  if (iat > Date.now() / 1000 + clockToleranceSeconds) {
    throw loginFailed("its ID token comes from the future");
  }
  return { ...payload, sub };
}

/** Whether it was the keys that could not be had, rather than the token that did not hold. */
function areKeysAway(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true;
  // jose's own word for an answer that is not 200 or no JSON.
  return !(error instanceof errors.JOSEError) || error.code === errors.JOSEError.code;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // The same answer as for JSON that is no object.
  }
  throw loginFailed("the identity provider's answer is no JSON object");
}

function loginFailed(reason: string, cause?: unknown): HttpError {
  return new HttpError(400, `The sign-in could not be completed: ${reason}`, { cause });
}

function providerIsAway(cause: unknown): HttpError {
  return new HttpError(503, "The sign-in service cannot be reached at the moment", {
    cause,
    headers: { "retry-after": "3" },
  });
}
