// Passwords are kept as PBKDF2-HMAC-SHA512 hashes (RFC 8018) in the PHC string format, parameters
// included. Not scrypt, although a guess at that costs more memory: Keycloak verifies no scrypt hash,
// and with this one people keep their passwords when a platform moves there (identity_migrate.ts).
// Hashes of scrypt (RFC 7914), which earlier versions made, are verified still, and replaced when
// their owner signs in.
import { pbkdf2, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { FairQueue } from "./fair_queue.ts";

/** The work that a guess at a password takes. */
export type HashKind = "pbkdf2-sha512" | "scrypt";

/** A hash, taken apart. */
export interface PasswordHash {
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly key: Buffer;
}

type Cost =
  | { readonly kind: "pbkdf2-sha512"; readonly iterations: number }
  | { readonly kind: "scrypt"; readonly ln: number; readonly r: number; readonly p: number };

/** OWASP's password storage sheet (2023); Keycloak's own default for this algorithm, too. */
const pbkdf2Cost: Cost = { kind: "pbkdf2-sha512", iterations: 210_000 };
/** What earlier versions made: the same sheet's N=2^15, r=8, p=3. */
const scryptCost: Cost = { kind: "scrypt", ln: 15, r: 8, p: 3 };
const saltBytes = 16;
const keyBytes = { "pbkdf2-sha512": 64, scrypt: 32 };

/**
 * The hash to keep: `$pbkdf2-sha512$i=210000$<salt>$<key>`, both base64 without padding.
 *
 * @param turn whose work this is: everybody waits for as much of another's as of their own
 */
export async function hashPassword(password: string, turn = ""): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await deriveKey(password, { cost: pbkdf2Cost, salt, length: 64 }, turn);
  return `$pbkdf2-sha512$i=210000$${encode(salt)}$${encode(key)}`;
}

/**
 * Whether the password is the one behind the hash.
 *
 * @param turn as above
 * @throws {Error} for a hash of another format
 */
export async function verifyPassword(password: string, hash: string, turn = ""): Promise<boolean> {
  const { cost, salt, key } = parseHash(hash);
  const actual = await deriveKey(password, { cost, salt, length: key.length }, turn);
  return timingSafeEqual(actual, key);
}

/**
 * Does the same work as a check and always fails: an unknown user name must take as long as a known
 * one, else the time tells which names exist.
 */
export async function rejectPassword(
  password: string,
  { kind = "pbkdf2-sha512", turn = "" }: { kind?: HashKind; turn?: string } = {},
): Promise<false> {
  const cost = kind === "scrypt" ? scryptCost : pbkdf2Cost;
  await deriveKey(password, { cost, salt: randomBytes(saltBytes), length: keyBytes[kind] }, turn);
  return false;
}

/** Whether a hash is to be made anew as soon as its password is known. */
export function isOutdated(hash: string): boolean {
  return !hash.startsWith("$pbkdf2-sha512$i=210000$");
}

/** @throws {Error} for a hash of another format */
export function parseHash(hash: string): PasswordHash {
  const [, name = "", parameters = "", salt = "", key = ""] =
    /^\$([\w-]+)\$([\w=,]+)\$([\w+/]+)\$([\w+/]+)$/.exec(hash) ?? [];
  const numbers = /^ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})$|^i=(\d{1,8})$/.exec(parameters);
  const [ln, r, p, iterations] = (numbers ?? []).slice(1).map(Number);
  const parts = { salt: Buffer.from(salt, "base64"), key: Buffer.from(key, "base64") };
  if (name === "pbkdf2-sha512" && iterations) return { ...parts, cost: { kind: name, iterations } };
  if (name === "scrypt" && ln && r && p) return { ...parts, cost: { kind: name, ln, r, p } };
  throw new Error("Cannot check a password: its hash is in no format that is known here");
}

// One after the other: a burst of sign-ins must not take all processors, nor, while there are hashes
// of scrypt, 32 MiB each at once.
const derivations = new FairQueue();

interface Derivation {
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly length: number;
}

function deriveKey(password: string, derivation: Derivation, turn: string): Promise<Buffer> {
  // NFKC: the same characters typed on two keyboards are the same password (NIST SP 800-63B §3.1.1.2).
  const normalized = password.normalize("NFKC");
  return derivations.run(turn, () => {
    const { cost, salt, length } = derivation;
    if (cost.kind === "scrypt") return runScrypt(normalized, salt, length, cost);
    return promisify(pbkdf2)(normalized, salt, cost.iterations, length, "sha512");
  });
}

function runScrypt(
  password: string,
  salt: Buffer,
  length: number,
  { ln, r, p }: { ln: number; r: number; p: number },
): Promise<Buffer> {
  const N = 2 ** ln;
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function encode(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
