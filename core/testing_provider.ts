// For tests: the endpoints of an identity provider that Core talks to, real and over HTTP.
import { randomBytes, randomUUID } from "node:crypto";
import { readForm } from "@hivematrix/lib/request_body";
import { type Handler, router } from "@hivematrix/lib/router";
import { type RunningServer, serve } from "@hivematrix/lib/serve";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Keycloak } from "./keycloak.ts";

export interface TestProvider {
  readonly keycloak: Keycloak;
  /** A new access token that the userinfo endpoint knows, answering these claims. */
  giveAccessToken(userinfo: object): string;
  /** An ID token as the provider signs it, with its own key. */
  giveIdToken(sub: string): Promise<string>;
  /** A logout token as the provider signs it; overrides replace or, when undefined, remove. */
  giveLogoutToken(claims: Claims, header?: Claims): Promise<string>;
  /** The key's name in its JWKS. */
  readonly kid: string;
  /** The forms that came to the logout endpoint. */
  readonly logouts: Record<string, string>[];
  /** Answers in place of the endpoints, for a provider that misbehaves; `undefined` ends that. */
  misbehave(answer: Handler | undefined): void;
  /** Gone as if killed, and back on the same port. */
  stop(): Promise<void>;
  restart(): Promise<void>;
}

type Claims = Record<string, unknown>;

const kid = "provider-key";

let keyPair: Promise<{ privateKey: CryptoKey; publicKey: CryptoKey }> | undefined;

/** One key for all providers of a test file, made when first needed: making one takes long. */
function getKeyPair() {
  keyPair ??= generateKeyPair("RS256", { extractable: true });
  return keyPair;
}

/** Without what an override says `undefined` to. */
function withoutHoles(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
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
  const certs: Handler = async () => {
    const jwk = await exportJWK((await getKeyPair()).publicKey);
    return Response.json({ keys: [{ ...jwk, kid, use: "sig", alg: "RS256" }] });
  };
  const handle = router(
    [
      {
        method: "GET",
        path: `${base}/userinfo`,
        handler: (request, context) => (misbehaviour ?? userinfo)(request, context),
      },
      {
        method: "GET",
        path: `${base}/certs`,
        handler: (request, context) => (misbehaviour ?? certs)(request, context),
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
      issuer: `${origin}/realms/hivematrix`,
    },
    giveAccessToken(person) {
      const token = randomBytes(32).toString("base64url");
      people.set(token, person);
      return token;
    },
    giveIdToken: async (sub) =>
      new SignJWT({ sub, nonce: "n" })
        .setProtectedHeader({ alg: "RS256", kid, typ: "JWT" })
        .setIssuer(`${origin}/realms/hivematrix`)
        .setAudience("core-client")
        .setIssuedAt()
        .setExpirationTime("5 minutes")
        .sign((await getKeyPair()).privateKey),
    async giveLogoutToken(claims, header = {}) {
      const iat = Math.floor(Date.now() / 1000);
      const standard = {
        iss: `${origin}/realms/hivematrix`,
        aud: "core-client",
        sub: "ada-sub",
        sid: "provider-sid",
        jti: randomUUID(),
        iat,
        exp: iat + 120,
        events: { "http://schemas.openid.net/event/backchannel-logout": {} },
      };
      return new SignJWT(withoutHoles({ ...standard, ...claims }))
        .setProtectedHeader({
          alg: "RS256",
          ...withoutHoles({ kid, typ: "logout+jwt", ...header }),
        })
        .sign((await getKeyPair()).privateKey);
    },
    kid,
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
