// For tests: an OpenID provider under Keycloak's paths that signs everybody in without asking, right
// by default and wrong in whatever way a test chooses (R1 to R3).
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { TestScope } from "@hivematrix/lib/testing";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

export type Claims = Record<string, unknown>;

export interface SigningParts {
  readonly claims: Claims;
  readonly header: { alg: string; kid?: string; [name: string]: unknown };
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** The ways in which the provider can be wrong; each gets the right answer and returns another. */
export interface Wrong {
  /** The parameters of the redirect back. */
  callback?: (parameters: URLSearchParams) => void;
  claims?: (claims: Claims) => Claims;
  /** The whole ID token. */
  idToken?: (parts: SigningParts) => string | Promise<string>;
  tokenAnswer?: (body: Claims) => { status?: number; body: unknown };
  userinfo?: (body: Claims) => { status?: number; body: unknown };
  keys?: (body: { keys: JWK[] }) => { status?: number; body: unknown };
  /** What it says of itself; a running Nexus keeps what it has read. */
  metadata?: (body: Claims) => { status?: number; body: unknown };
  /** Forgets that a code was used, who it was for and what its challenge was. */
  isCareless?: boolean;
}

export interface HostileProvider {
  /** For KEYCLOAK_BACKEND_URL. */
  readonly backendUrl: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly issuer: string;
  /** Who is signed in next. */
  person: Claims & { sub: string };
  wrong: Wrong;
  /** The authorization requests and token requests that were made. */
  readonly authorizations: URLSearchParams[];
  readonly tokenRequests: URLSearchParams[];
  /** Refresh tokens that came to the logout endpoint. */
  readonly logouts: string[];
  /** Every code and token that was ever handed out. */
  readonly secrets: Set<string>;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

interface Grant {
  readonly person: Claims & { sub: string };
  readonly parameters: URLSearchParams;
  isUsed: boolean;
}

type Reply = { status?: number; body: unknown };

export const ada = {
  sub: "ada-sub",
  name: "Ada Lovelace",
  email: "ada@example.org",
  preferred_username: "ada",
  groups: ["technicians"],
};

const realm = "hivematrix";
const clientId = "core-client";
const metadataPath = `/realms/${realm}/.well-known/openid-configuration`;

/** One for all providers of a test file: making one takes longer than most tests. */
let signingKey: ReturnType<typeof makeSigningKey> | undefined;

async function makeSigningKey(): Promise<{ privateKey: CryptoKey; publicJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  return { privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid: "provider-key" } };
}

/** @param publicUrl `<public origin>/keycloak`, or an address of its own on `ownPort` */
export async function startHostileProvider(
  scope: TestScope,
  publicUrl: string,
  ownPort = 0,
): Promise<HostileProvider> {
  // Characters that RFC 6749 §2.3.1 has encoded in Basic.
  const clientSecret = `secret:%+/ ${randomBytes(16).toString("hex")}`;
  signingKey ??= makeSigningKey();
  const { privateKey, publicJwk } = await signingKey;
  const issuer = `${publicUrl}/realms/${realm}`;
  const grants = new Map<string, Grant>();
  const accessTokens = new Map<string, Grant["person"]>();

  const secret = () => {
    const value = randomBytes(24).toString("base64url");
    provider.secrets.add(value);
    return value;
  };

  function authorize(parameters: URLSearchParams, outgoing: ServerResponse): void {
    provider.authorizations.push(parameters);
    const code = secret();
    grants.set(code, { person: provider.person, parameters, isUsed: false });
    const answer = new URLSearchParams({ code, state: parameters.get("state") ?? "", iss: issuer });
    provider.wrong.callback?.(answer);
    const location = `${parameters.get("redirect_uri")}?${answer}`;
    outgoing.writeHead(302, { location }).end();
  }

  async function giveTokens(incoming: IncomingMessage): Promise<Reply> {
    const form = new URLSearchParams(await text(incoming));
    provider.tokenRequests.push(form);
    const grant = grants.get(form.get("code") ?? "");
    const { isCareless = false } = provider.wrong;
    const isGood = hasCredential(incoming, clientSecret) && (isCareless || isRightful(grant, form));
    if (grant === undefined || !isGood) return { status: 400, body: { error: "invalid_grant" } };
    grant.isUsed = true;
    const access_token = secret();
    accessTokens.set(access_token, grant.person);
    const body: Claims = {
      access_token,
      id_token: await signIdToken(grant),
      refresh_token: secret(),
      token_type: "Bearer",
      expires_in: 300,
    };
    return provider.wrong.tokenAnswer?.(body) ?? { body };
  }

  async function signIdToken({ person, parameters }: Grant): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const right: Claims = {
      iss: issuer,
      sub: person.sub,
      aud: clientId,
      nonce: parameters.get("nonce"),
      sid: randomBytes(8).toString("hex"),
      iat: now,
      exp: now + 300,
    };
    const claims = provider.wrong.claims?.(right) ?? right;
    const header = { alg: "RS256", kid: "provider-key", typ: "JWT" };
    const parts = { claims, header, privateKey, publicJwk };
    const token = await (provider.wrong.idToken ?? sign)(parts);
    provider.secrets.add(token);
    return token;
  }

  function showUserinfo(incoming: IncomingMessage): Reply {
    const token = incoming.headers.authorization?.replace(/^Bearer /, "") ?? "";
    const person = accessTokens.get(token);
    if (person === undefined) return { status: 401, body: { error: "invalid_token" } };
    return provider.wrong.userinfo?.(person) ?? { body: person };
  }

  function showMetadata(): Reply {
    const body = { issuer, authorization_response_iss_parameter_supported: true };
    return provider.wrong.metadata?.(body) ?? { body };
  }

  async function endSession(incoming: IncomingMessage): Promise<Reply> {
    const form = new URLSearchParams(await text(incoming));
    provider.logouts.push(form.get("refresh_token") ?? "");
    return { status: 204, body: undefined };
  }

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", "http://provider");
    const endpoint = /^\/realms\/hivematrix\/protocol\/openid-connect\/(\w+)$/.exec(url.pathname);
    const name = endpoint?.[1];
    if (name === "auth") return authorize(url.searchParams, outgoing);
    const keys = { keys: [publicJwk] };
    const reply: Reply =
      name === "token"
        ? await giveTokens(incoming)
        : name === "userinfo"
          ? showUserinfo(incoming)
          : name === "certs"
            ? (provider.wrong.keys?.(keys) ?? { body: keys })
            : name === "logout"
              ? await endSession(incoming)
              : url.pathname === metadataPath
                ? showMetadata()
                : { body: { reached: incoming.url, headers: incoming.rawHeaders } };
    outgoing.writeHead(reply.status ?? 200, { "content-type": "application/json" });
    outgoing.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
  }

  const start = async (port: number) => {
    const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  let server = await start(ownPort);
  const { port } = server.address() as AddressInfo;
  const provider: HostileProvider = {
    backendUrl: `http://127.0.0.1:${port}`,
    realm,
    clientId,
    clientSecret,
    issuer,
    person: ada,
    wrong: {},
    authorizations: [],
    tokenRequests: [],
    logouts: [],
    secrets: new Set(),
    async kill() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
    async restart() {
      server = await start(port);
    },
  };
  scope.after(() => provider.kill());
  return provider;
}

/** An ID token as it should be, of whatever claims. */
export function sign({ claims, header, privateKey }: SigningParts): Promise<string> {
  return new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
}

function hasCredential({ headers }: IncomingMessage, clientSecret: string): boolean {
  const credential = [clientId, clientSecret].map(encodeURIComponent).join(":");
  return headers.authorization === `Basic ${Buffer.from(credential).toString("base64")}`;
}

/** RFC 6749 §4.1.3 and RFC 7636 §4.6. */
function isRightful(grant: Grant | undefined, form: URLSearchParams): boolean {
  if (grant === undefined || grant.isUsed) return false;
  const verifier = form.get("code_verifier") ?? "";
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  return (
    form.get("grant_type") === "authorization_code" &&
    form.get("redirect_uri") === grant.parameters.get("redirect_uri") &&
    grant.parameters.get("code_challenge_method") === "S256" &&
    grant.parameters.get("code_challenge") === challenge
  );
}
