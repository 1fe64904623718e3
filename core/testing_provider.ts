// For tests: the two endpoints of an identity provider that Core talks to, real and over HTTP.
import { randomBytes } from "node:crypto";
import { readForm } from "@hivematrix/lib/request_body";
import { type Handler, router } from "@hivematrix/lib/router";
import { type RunningServer, serve } from "@hivematrix/lib/serve";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { type CryptoKey, generateKeyPair, SignJWT } from "jose";
import type { Keycloak } from "./keycloak.ts";

export interface TestProvider {
  readonly keycloak: Keycloak;
  /** A new access token that the userinfo endpoint knows, answering these claims. */
  giveAccessToken(userinfo: object): string;
  /** An ID token as the provider signs it, with its own key. */
  giveIdToken(sub: string): Promise<string>;
  /** The forms that came to the logout endpoint. */
  readonly logouts: Record<string, string>[];
  /** Answers in place of the endpoints, for a provider that misbehaves; `undefined` ends that. */
  misbehave(answer: Handler | undefined): void;
  /** Gone as if killed, and back on the same port. */
  stop(): Promise<void>;
  restart(): Promise<void>;
}

let idTokenKey: Promise<CryptoKey> | undefined;

/** One key for all providers of a test file, made when first needed: making one takes long. */
function getIdTokenKey(): Promise<CryptoKey> {
  idTokenKey ??= generateKeyPair("RS256").then(({ privateKey }) => privateKey);
  return idTokenKey;
}

export async function startTestProvider(scope: TestScope): Promise<TestProvider> {
  const people = new Map<string, object>();
  const logouts: Record<string, string>[] = [];
  let misbehaviour: Handler | undefined;
  const base = "/realms/hivematrix/protocol/openid-connect";

  const userinfo: Handler = (request) => {
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    const person = people.get(token);
    if (person !== undefined) return Response.json(person);
    const challenge = { "www-authenticate": 'Bearer error="invalid_token"' };
    return new Response(null, { status: 401, headers: challenge });
  };
  const logout: Handler = async (request) => {
    logouts.push(Object.fromEntries(await readForm(request)));
    return new Response(null, { status: 204 });
  };
  const handle = router(
    [
      {
        method: "GET",
        path: `${base}/userinfo`,
        handler: (request, context) => (misbehaviour ?? userinfo)(request, context),
      },
      {
        method: "POST",
        path: `${base}/logout`,
        handler: (request, context) => (misbehaviour ?? logout)(request, context),
      },
    ],
    { service: "keycloak", log: createTestLog("keycloak") },
  );

  let server: RunningServer = await serve(handle, { port: 0, drainTimeoutMs: 100 });
  const { origin, port } = server.url;
  scope.after(() => server.close());
  return {
    keycloak: {
      backendUrl: origin,
      realm: "hivematrix",
      clientId: "core-client",
      clientSecret: "test-client-secret",
    },
    giveAccessToken(person) {
      const token = randomBytes(32).toString("base64url");
      people.set(token, person);
      return token;
    },
    giveIdToken: async (sub) =>
      new SignJWT({ sub, nonce: "n" })
        .setProtectedHeader({ alg: "RS256", kid: "provider-key", typ: "JWT" })
        .setIssuer(`${origin}/realms/hivematrix`)
        .setAudience("core-client")
        .setIssuedAt()
        .setExpirationTime("5 minutes")
        .sign(await getIdTokenKey()),
    logouts,
    misbehave(answer) {
      misbehaviour = answer;
    },
    stop: () => server.close(),
    async restart() {
      server = await serve(handle, { port: Number(port), drainTimeoutMs: 100 });
    },
  };
}
