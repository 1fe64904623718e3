// Tokens that nobody may believe, made of one that is good: what an attacker without Core's key can do.
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  sign,
} from "node:crypto";

export interface ForgedToken {
  readonly name: string;
  readonly token: string;
}

interface Jwks {
  readonly keys: readonly (JsonWebKey & { readonly kid?: string })[];
}

/**
 * @param good a token of Core's
 * @param jwks Core's public keys
 */
export function forgeTokens(good: string, jwks: Jwks): ForgedToken[] {
  const [head = "", body = "", signature = ""] = good.split(".");
  const header = decode(head);
  const claims = decode(body);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const unsigned = `${encode({ ...header, alg: "none" })}.${body}.`;
  const altered = `${head}.${encode({ ...claims, calling_service: "core", sub: "service:core" })}`;
  const forged = [
    { name: "signed with another key", token: append(`${head}.${body}`, rs256(privateKey)) },
    { name: "with other claims under the old signature", token: `${altered}.${signature}` },
    { name: 'without a signature (alg "none")', token: unsigned },
  ];
  const jwk = jwks.keys.find(({ kid }) => kid === header["kid"]);
  if (jwk === undefined) return forged;
  // Who lets the token choose HMAC takes the public key, which everybody has, for a secret.
  const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
  const hmac = (input: string) => createHmac("sha256", pem).update(input).digest();
  const input = `${encode({ ...header, alg: "HS256" })}.${body}`;
  return [...forged, { name: "signed with Core's public key (HS256)", token: append(input, hmac) }];
}

function rs256(key: Parameters<typeof sign>[2]): (input: string) => Buffer {
  return (input) => sign("sha256", Buffer.from(input), key);
}

function append(input: string, signWith: (input: string) => Buffer): string {
  return `${input}.${signWith(input).toString("base64url")}`;
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
