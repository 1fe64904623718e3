// Passwords are kept as scrypt hashes (RFC 7914) in the PHC string format, parameters included, so
// that stronger parameters can come later without breaking the hashes that are there.
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { FairQueue } from "./fair_queue.ts";

/** OWASP's password storage sheet: N=2^15, r=8, p=3 costs an attacker 32 MiB and ~0.2 s a guess. */
const parameters = { ln: 15, r: 8, p: 3 };
const saltBytes = 16;
const keyBytes = 32;

/** The hash to keep: `$scrypt$ln=15,r=8,p=3$<salt>$<key>`, both base64 without padding. */
export async function hashPassword(password: string, turn = ""): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await deriveKey(password, salt, parameters, turn);
  const { ln, r, p } = parameters;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${encode(salt)}$${encode(key)}`;
}

/**
 * Whether the password is the one behind the hash.
 *
 * @param turn whose work this is: everybody waits for as much of another's as of their own
 * @throws {Error} for a hash of another format
 */
export async function verifyPassword(password: string, hash: string, turn = ""): Promise<boolean> {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]+)\$([\w+/]+)$/.exec(hash);
  if (match === null)
    throw new Error("Cannot check a password: its hash is not in scrypt's format");
  const [ln, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const expected = Buffer.from(match[5] ?? "", "base64");
  const salt = Buffer.from(match[4] ?? "", "base64");
  const actual = await deriveKey(password, salt, { ln, r, p }, turn);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/**
 * Does the same work as a check and always fails: an unknown user name must take as long as a known
 * one, else the time tells which names exist.
 */
export async function rejectPassword(password: string, turn = ""): Promise<false> {
  await deriveKey(password, randomBytes(saltBytes), parameters, turn);
  return false;
}

// One after the other: each derivation takes 32 MiB, and a burst of sign-ins must not take them all
// at once.
const derivations = new FairQueue();

function deriveKey(
  password: string,
  salt: Buffer,
  cost: typeof parameters,
  turn = "",
): Promise<Buffer> {
  return derivations.run(turn, () => runScrypt(password, salt, cost));
}

function runScrypt(
  password: string,
  salt: Buffer,
  { ln, r, p }: typeof parameters,
): Promise<Buffer> {
  const N = 2 ** ln;
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  // NFKC: the same characters typed on two keyboards are the same password (NIST SP 800-63B §3.1.1.2).
  const normalized = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(normalized, salt, keyBytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function encode(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
