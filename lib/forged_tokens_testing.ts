// For the tests of everything that checks tokens: one table of what must never pass (RFC 8725, the
// OWASP JWT sheet), so that Core, Nexus and the services are held to the same.
import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  KeyObject,
  sign,
} from "node:crypto";
import type { CryptoKey } from "jose";

export interface ForgedToken {
  readonly name: string;
  readonly token: string;
}

type Json = Readonly<Record<string, unknown>>;
type Sign = (input: Buffer) => Buffer;

/**
 * Forgeries of a good token. None has expired, and all but the misshapen carry the good one's
 * claims, its session id too, so a door that lets one pass has not checked it. Each is one word of
 * printable ASCII, fit for an Authorization header.
 *
 * @param token a user token that the door under test accepts
 * @param privateKey the key that signed it: some faults are those of a token with a good signature
 */
export function forgedTokens(token: string, privateKey: CryptoKey | KeyObject): ForgedToken[] {
  const ownKey = privateKey instanceof KeyObject ? privateKey : KeyObject.from(privateKey);
  const good = readParts(token);
  return [
    ...unsigned(good),
    ...altered(good),
    ...signedBySomebodyElse(good),
    ...signedWithThePublicKey(good, createPublicKey(ownKey)),
    ...signedWithAnotherAlgorithm(good, ownKey),
    ...wrongThoughSigned(good, ownKey),
  ];
}

interface Parts {
  readonly text: string;
  readonly header: Json;
  readonly claims: Json;
  /** The three parts as they stand in the token. */
  readonly encoded: readonly [header: string, claims: string, signature: string];
}

function readParts(token: string): Parts {
  const [header = "", claims = "", signature = ""] = token.split(".");
  const parse = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Json;
  return {
    text: token,
    header: parse(header),
    claims: parse(claims),
    encoded: [header, claims, signature],
  };
}

function unsigned({ header, claims, encoded }: Parts): ForgedToken[] {
  const [, , signature] = encoded;
  const none = ["none", "None", "NONE", "nOnE", ""].map((alg) => ({
    name: `algorithm "${alg}" without a signature`,
    token: `${encode({ ...header, alg })}.${encode(claims)}.`,
  }));
  return [
    ...none,
    {
      name: "algorithm none with the good token's signature",
      token: `${encode({ ...header, alg: "none" })}.${encode(claims)}.${signature}`,
    },
    {
      name: "algorithm none with nothing else in the header",
      token: `${encode({ alg: "none" })}.${encode(claims)}.`,
    },
    {
      name: "no algorithm at all",
      token: `${encode({ ...header, alg: undefined })}.${encode(claims)}.${signature}`,
    },
    {
      name: "a list of algorithms",
      token: `${encode({ ...header, alg: ["none", "RS256"] })}.${encode(claims)}.${signature}`,
    },
  ];
}

function altered({ text, header, claims, encoded }: Parts): ForgedToken[] {
  const [head, body, signature] = encoded;
  const bytes = Buffer.from(signature, "base64url");
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(20) ^ 1, 20);
  const withSignature = (value: Buffer) => `${head}.${body}.${value.toString("base64url")}`;
  return [
    {
      name: "claims changed under the good signature",
      token: `${head}.${encode({ ...claims, permission_level: "admin", groups: ["admins"] })}.${signature}`,
    },
    {
      name: "a longer life under the good signature",
      token: `${head}.${encode({ ...claims, exp: Number(claims["exp"]) + 1 })}.${signature}`,
    },
    {
      name: "header changed under the good signature",
      token: `${encode({ ...header, cty: "JWT" })}.${body}.${signature}`,
    },
    { name: "one bit of the signature flipped", token: withSignature(flipped) },
    { name: "signature cut short", token: withSignature(bytes.subarray(0, -1)) },
    {
      name: "signature with a byte too many",
      token: withSignature(Buffer.concat([bytes, Buffer.of(0)])),
    },
    { name: "signature all zero", token: withSignature(Buffer.alloc(bytes.length)) },
    {
      name: "signature of one",
      token: withSignature(Buffer.alloc(bytes.length).fill(1, bytes.length - 1)),
    },
    { name: "signature missing", token: `${head}.${body}.` },
    { name: "signature and its dot missing", token: `${head}.${body}` },
    { name: "a fourth part", token: `${text}.${signature}` },
    { name: "header missing", token: `.${body}.${signature}` },
    { name: "claims missing", token: `${head}..${signature}` },
    { name: "the good token behind a dot", token: `.${text}` },
    { name: "header and claims exchanged", token: `${body}.${head}.${signature}` },
    {
      name: "the JSON serialization of a signed token",
      token: JSON.stringify({ protected: head, payload: body, signature }),
    },
    { name: "five parts, as an encrypted token has", token: `${head}..${body}.${signature}.AAAA` },
    { name: "no token at all", token: "garbage" },
  ];
}

function signedBySomebodyElse({ header, claims }: Parts): ForgedToken[] {
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = other.publicKey.export({ format: "jwk" });
  const elsewhere = "https://attacker.example/keys";
  const forge = (name: string, changes: Json) => ({
    name: `another key, ${name}`,
    token: assemble({ ...header, ...changes }, claims, rs256(other.privateKey)),
  });
  const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const edwards = generateKeyPairSync("ed25519");
  const es256: Sign = (input) =>
    sign("sha256", input, { key: elliptic.privateKey, dsaEncoding: "ieee-p1363" });
  const ellipticHeader = {
    ...header,
    alg: "ES256",
    jwk: elliptic.publicKey.export({ format: "jwk" }),
  };
  return [
    forge("under the good kid", {}),
    forge("under an unknown kid", { kid: "unknown" }),
    forge("without a kid", { kid: undefined }),
    forge("under a kid that is no text", { kid: { toString: "x" } }),
    forge("under the kid of a built-in property", { kid: "__proto__" }),
    forge("under a kid that names a file", { kid: "../../../../dev/null" }),
    forge("under a kid that is SQL", { kid: "x' UNION SELECT 'key" }),
    forge("brought along as jwk", { jwk }),
    forge("brought along as jwk under its own kid", { jwk: { ...jwk, kid: "own" }, kid: "own" }),
    forge("named by jku", { jku: elsewhere }),
    forge("named by x5u", { x5u: elsewhere }),
    forge("brought along as x5c", { x5c: [jwk.n] }),
    { name: "an elliptic key of its own", token: assemble(ellipticHeader, claims, es256) },
    {
      name: "an elliptic signature of zeros",
      token: assemble({ ...header, alg: "ES256" }, claims, () => Buffer.alloc(64)),
    },
    {
      name: "an Edwards key of its own",
      token: assemble({ ...header, alg: "EdDSA" }, claims, (input) =>
        sign(null, input, edwards.privateKey),
      ),
    },
  ];
}

/** The public key is known to all; a door that lets the token choose HMAC takes it for a secret. */
function signedWithThePublicKey({ header, claims }: Parts, publicKey: KeyObject): ForgedToken[] {
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const jwk = publicKey.export({ format: "jwk" });
  const secrets: readonly (readonly [name: string, secret: string | Buffer])[] = [
    ["the public key's PEM", pem],
    ["the public key's PEM without its last line end", pem.trimEnd()],
    ["the public key's PKCS #1 PEM", publicKey.export({ type: "pkcs1", format: "pem" })],
    ["the public key's DER", publicKey.export({ type: "spki", format: "der" })],
    ["the public key's JWK", JSON.stringify(jwk)],
    ["the public key's modulus", Buffer.from(jwk.n ?? "", "base64url")],
    ["the key's id", String(header["kid"])],
    ["an empty secret", ""],
    ["the word secret", "secret"],
  ];
  const withHash = (alg: string, hash: string) =>
    secrets.slice(0, alg === "HS256" ? secrets.length : 1).map(([name, secret]) => ({
      name: `${alg} with ${name}`,
      token: assemble({ ...header, alg }, claims, (input) =>
        createHmac(hash, secret).update(input).digest(),
      ),
    }));
  return [
    ...withHash("HS256", "sha256"),
    ...withHash("HS384", "sha384"),
    ...withHash("HS512", "sha512"),
    {
      name: "an HMAC under the name of RS256",
      token: assemble(header, claims, (input) => createHmac("sha256", pem).update(input).digest()),
    },
  ];
}

function signedWithAnotherAlgorithm({ header, claims }: Parts, ownKey: KeyObject): ForgedToken[] {
  const rsa =
    (hash: string): Sign =>
    (input) =>
      sign(hash, input, ownKey);
  const pss: Sign = (input) =>
    sign("sha256", input, {
      key: ownKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    });
  const algorithms: readonly (readonly [alg: string, sign: Sign])[] = [
    ["RS384", rsa("sha384")],
    ["RS512", rsa("sha512")],
    ["RS1", rsa("sha1")],
    ["PS256", pss],
    ["rs256", rsa("sha256")],
    ["RS256 ", rsa("sha256")],
  ];
  return algorithms.map(([alg, signWith]) => ({
    name: `the right key, but algorithm "${alg}"`,
    token: assemble({ ...header, alg }, claims, signWith),
  }));
}

/** Well signed, as by a careless other part of the platform; the content alone is wrong. */
function wrongThoughSigned({ header, claims }: Parts, ownKey: KeyObject): ForgedToken[] {
  const withClaims = (name: string, changes: Json) => ({
    name: `well signed, but ${name}`,
    token: assemble(header, { ...claims, ...changes }, rs256(ownKey)),
  });
  const withHeader = (name: string, changes: Json) => ({
    name: `well signed, but ${name}`,
    token: assemble({ ...header, ...changes }, claims, rs256(ownKey)),
  });
  const withPayload = (name: string, payload: unknown) => ({
    name: `well signed, but ${name}`,
    token: assemble(header, payload, rs256(ownKey)),
  });
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  return [
    withClaims("of another issuer", { iss: "https://attacker.example" }),
    withClaims("of no issuer", { iss: undefined }),
    withClaims("of an issuer that begins like ours", { iss: `${String(claims["iss"])}.example` }),
    withClaims("of a list of issuers", { iss: [claims["iss"]] }),
    withClaims("of an issuer in capitals", { iss: String(claims["iss"]).toUpperCase() }),
    withClaims("without an end", { exp: undefined }),
    withClaims("with an end that is text", { exp: String(inAnHour) }),
    withClaims("with null for an end", { exp: null }),
    withClaims("with a date for an end", { exp: new Date(inAnHour * 1000) }),
    withClaims("not valid before an hour from now", { nbf: inAnHour }),
    withClaims("without a session id", { jti: undefined }),
    withClaims("with a number for a session id", { jti: 1 }),
    withClaims("without a subject", { sub: undefined }),
    withClaims("with an unknown permission level", { permission_level: "root" }),
    withClaims("with a type that no token has", { type: "personal" }),
    withHeader("with a critical extension nobody knows", { crit: ["x-unknown"], "x-unknown": 1 }),
    withHeader("with an unencoded payload announced", { crit: ["b64"], b64: false }),
    withPayload("with a list for claims", [claims]),
    withPayload("with null for claims", null),
    withPayload("with a text for claims", JSON.stringify(claims)),
    {
      name: "well signed, but with claims that are no JSON",
      token: signParts(encode(header), Buffer.from("sub=admin").toString("base64url"), ownKey),
    },
  ];
}

const rs256 =
  (key: KeyObject): Sign =>
  (input) =>
    sign("sha256", input, key);

function assemble(header: Json, payload: unknown, signWith: Sign): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signWith(Buffer.from(input)).toString("base64url")}`;
}

function signParts(header: string, payload: string, key: KeyObject): string {
  const input = `${header}.${payload}`;
  return `${input}.${rs256(key)(Buffer.from(input)).toString("base64url")}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
