import {
  createPrivateKey,
  generateKeyPair,
  hkdfSync,
  type JsonWebKey,
  randomUUID,
} from "node:crypto";
import { chmod, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { calculateJwkThumbprint, type JWK } from "jose";

/** A key file that is there but no use; the service says so and does not start. */
export class SigningKeyError extends Error {
  override readonly name = "SigningKeyError";
  readonly isExpected = true;
}

/** A private key with its name. */
export type SigningKey = JsonWebKey & { readonly kid: string };

/**
 * The RSA key that signs ID tokens, from `<folder>/signing_key.pem`; made on the first start. The
 * file is readable by its owner alone. Its name, the kid, is its thumbprint (RFC 7638).
 *
 * @throws {SigningKeyError} for a file that holds no RSA key of at least 2048 bits
 */
export async function loadSigningKey(folder: string): Promise<SigningKey> {
  const file = join(folder, "signing_key.pem");
  const pem = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return makeSigningKey(folder, file);
    throw error;
  });
  await chmod(file, 0o600);
  const key = parseSigningKey(pem, basename(file));
  return { ...key, kid: await calculateJwkThumbprint(key as JWK) };
}

/**
 * The key that signs the provider's cookies. Derived, so that every start has the same one without a
 * second secret to keep.
 *
 * @param secretKey SECRET_KEY of the service
 */
export function deriveCookieKey(secretKey: string): string {
  const key = hkdfSync("sha256", secretKey, "", "hivematrix keycloak cookies", 32);
  return Buffer.from(key).toString("base64url");
}

/** The key that decides about unknown names (unknown_names.ts), as `deriveCookieKey`. */
export function deriveNamesKey(secretKey: string): string {
  const key = hkdfSync("sha256", secretKey, "", "hivematrix keycloak unknown names", 32);
  return Buffer.from(key).toString("base64url");
}

async function makeSigningKey(folder: string, file: string): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Of this very start, so that no other one's clean-up takes it away before it is linked.
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, pem, { mode: 0o600 });
  try {
    // A link is made whole or not at all, and never replaces a key that another start just made.
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return await readFile(file, "utf8");
  } finally {
    await rm(temporary);
  }
  return pem;
}

function parseSigningKey(pem: string, name: string): JsonWebKey {
  const refuse = (reason: string, cause?: unknown) =>
    new SigningKeyError(
      `Cannot start keycloak: instance/${name} ${reason}; restore it from a backup, or delete it to have a new key made`,
      { cause },
    );
  try {
    const key = createPrivateKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (key.asymmetricKeyType !== "rsa" || bits < 2048) {
      throw refuse("holds no RSA key of at least 2048 bits");
    }
    return key.export({ format: "jwk" });
  } catch (error) {
    throw error instanceof SigningKeyError ? error : refuse("holds no private key", error);
  }
}
