// For tests, of this library and of every service: a real PostgreSQL, a small Core, a wait.
import { randomBytes, randomUUID } from "node:crypto";
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import postgres from "postgres";
import type { Sql } from "./database.ts";
import { HttpError } from "./http_error.ts";
import { createLog, type Log } from "./log.ts";
import { PostgresProcess } from "./postgres_testing.ts";
import { readJsonFields } from "./request_body.ts";
import { router } from "./router.ts";
import { serve } from "./serve.ts";
import type { UserClaims } from "./token_verifier.ts";

/** What these helpers need of node:test's context, so that a suite's `before` can use them too. */
export interface TestScope {
  after(cleanUp: () => unknown): void;
}

/** A log that keeps its lines instead of printing them. */
export function createTestLog(service = "test"): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLog(service, { level: "debug", write: (line) => lines.push(line) });
  return Object.assign(log, { lines });
}

/** A database of its own for one test, on a real server. */
export interface TestPostgres {
  /** Connection string of the test's own database. */
  readonly url: string;
  /** A superuser's connection to it. */
  readonly sql: Sql;
  /** Ends the whole server at once (SIGKILL) or starts it again; for a server of the test's own. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/**
 * Starts a PostgreSQL for the test, or makes a fresh database in the one that the whole test run
 * shares (HIVEMATRIX_TEST_POSTGRES). Gone when the test ends.
 *
 * @param own the test means to kill the server, so it needs one of its own
 */
export async function startTestPostgres(
  scope: TestScope,
  { own = false }: { own?: boolean } = {},
): Promise<TestPostgres> {
  const shared = own ? undefined : process.env["HIVEMATRIX_TEST_POSTGRES"];
  const server = shared === undefined ? await PostgresProcess.start() : undefined;
  const adminUrl = shared ?? server?.url ?? "";
  const name = `test_${randomBytes(6).toString("hex")}`;
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
  await admin.unsafe(`CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(adminUrl), { pathname: `/${name}` }).href;
  const sql = postgres(url, { max: 2, onnotice: () => {}, backoff: () => 0.05 });
  scope.after(async () => {
    await sql.end({ timeout: 0 });
    if (server === undefined) await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end({ timeout: 0 });
    await server?.stop();
  });
  const ownServer = () => {
    if (server === undefined) throw new Error("Ask for { own: true } to kill the server");
    return server;
  };
  return { url, sql, kill: () => ownServer().kill(), restart: () => ownServer().run() };
}

/** What a service under test needs of Core: public keys and service tokens. */
export interface TestCore {
  /** For CORE_SERVICE_URL. */
  readonly url: string;
  readonly privateKey: CryptoKey;
  readonly kid: string;
  /** A user token with Core's claims; overrides replace or, when undefined, remove some. */
  userToken(overrides?: Partial<Record<keyof UserClaims, unknown>>): Promise<string>;
  serviceToken(callingService: string, targetService: string): Promise<string>;
  /** Any claims, signed with Core's key. */
  sign(claims: Record<string, unknown>): Promise<string>;
  /** How often the keys and service tokens were asked for. */
  readonly asked: { jwks: number; serviceTokens: number };
}

/** The secret that every service has at a test's Core. */
export const testServiceSecret = "test-service-secret";

/** Starts a small Core with a key of its own: JWKS, and service tokens for `testServiceSecret`. */
export async function startTestCore(scope: TestScope): Promise<TestCore> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const asked = { jwks: 0, serviceTokens: 0 };
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid, typ: "JWT" }).sign(privateKey);
  const nowSeconds = () => Math.floor(Date.now() / 1000);
  const serviceToken = (callingService: string, targetService: string) =>
    sign({
      iss: "hivematrix.core",
      sub: `service:${callingService}`,
      calling_service: callingService,
      target_service: targetService,
      type: "service",
      jti: randomUUID(),
      iat: nowSeconds(),
      exp: nowSeconds() + 300,
    });
  const userToken = (overrides: Partial<Record<keyof UserClaims, unknown>> = {}) =>
    sign({
      iss: "hivematrix.core",
      sub: "ada-sub",
      name: "Ada Lovelace",
      email: "ada@example.org",
      preferred_username: "ada",
      permission_level: "technician",
      groups: ["technicians"],
      jti: randomBytes(32).toString("base64url"),
      iat: nowSeconds(),
      exp: nowSeconds() + 3600,
      ...overrides,
    });

  const handle = router(
    [
      {
        method: "GET",
        path: "/.well-known/jwks.json",
        handler: () => {
          asked.jwks++;
          return Response.json({ keys: [{ ...jwk, kid, alg: "RS256", use: "sig" }] });
        },
      },
      {
        method: "POST",
        path: "/service-token",
        handler: async (request) => {
          asked.serviceTokens++;
          const body = await readJsonFields(request, ["calling_service", "target_service"]);
          const credential = `${body.calling_service}:${testServiceSecret}`;
          const expected = `Basic ${Buffer.from(credential).toString("base64")}`;
          if (request.headers.get("authorization") !== expected) throw new HttpError(401, "Who?");
          const token = await serviceToken(body.calling_service, body.target_service);
          return Response.json({ token });
        },
      },
    ],
    { service: "core", log: createTestLog("core") },
  );
  const server = await serve(handle, { port: 0 });
  scope.after(() => server.close());
  return { url: server.url.origin, privateKey, kid, userToken, serviceToken, sign, asked };
}
