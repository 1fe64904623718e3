// The RSA key pair that signs every token. Whoever holds the private half is Core, so it is made
// here, never leaves its file, and a file that cannot be used stops the start.
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { chmod, link, rename, stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { Log } from "@hivematrix/lib/log";
import { SettingsError } from "@hivematrix/lib/settings";
import { calculateJwkThumbprint, exportJWK, type JWK } from "jose";
import { inTemporaryFile, readKeyFile, unusable } from "./key_file.ts";

/** A key that tokens are checked against, as the JWKS publishes it. */
export interface PublishedKey {
  /** RFC 7638 thumbprint: the same key has the same name wherever it is loaded. */
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly jwk: JWK;
}

export interface SigningKey extends PublishedKey {
  readonly privateKey: KeyObject;
}

/** One key signs; during a rotation its predecessor and successor are published beside it. */
export interface KeySet {
  readonly signing: SigningKey;
  readonly published: readonly PublishedKey[];
}

export interface KeyFiles {
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
}

const minModulusBits = 2048;

/**
 * Loads the key pair, or makes it when there is no private key file yet. The public key file is
 * written for others to read; Core derives the public key from the private one.
 *
 * @param formerKeys keys that the public key file may still hold from before a rotation
 * @throws {SettingsError} naming a key file that cannot be used; it is left as it is
 */
export async function loadKeySet(
  files: KeyFiles,
  { log, formerKeys = [] }: { log: Log; formerKeys?: readonly KeyObject[] },
): Promise<KeySet> {
  const { privateKeyFile, publicKeyFile } = files;
  let pem = await readKeyFile("JWT_PRIVATE_KEY_FILE", privateKeyFile);
  if (pem === undefined) {
    await makePrivateKeyFile(privateKeyFile);
    log.info("made a new signing key", { file: privateKeyFile });
    // Read back, not kept from before: of two starts at once, one finds the other's key here.
    pem = await readKeyFile("JWT_PRIVATE_KEY_FILE", privateKeyFile);
  }
  const keys = await createKeySet(parsePrivateKey(pem ?? "", privateKeyFile));
  await closeToOthers(privateKeyFile, log);
  await keepPublicKeyFile(keys.signing.publicKey, publicKeyFile, formerKeys);
  return keys;
}

/** @param privateKey RSA */
export async function createKeySet(privateKey: KeyObject): Promise<KeySet> {
  const signing = await createSigningKey(privateKey);
  return { signing, published: [signing] };
}

export async function createSigningKey(privateKey: KeyObject): Promise<SigningKey> {
  return { ...(await createPublishedKey(createPublicKey(privateKey))), privateKey };
}

export async function createPublishedKey(publicKey: KeyObject): Promise<PublishedKey> {
  const bare = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(bare);
  return { kid, publicKey, jwk: { ...bare, kid, use: "sig", alg: "RS256" } };
}

export async function generatePrivateKey(): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  return privateKey;
}

function parsePrivateKey(pem: string, file: string): KeyObject {
  const refuse = (reason: string, cause?: unknown) =>
    new SettingsError(
      `Cannot start core: the file ${file} of JWT_PRIVATE_KEY_FILE is no usable RSA private key (${reason}); put it back from a backup, or remove it to have a new one made, which signs everybody out`,
      { cause },
    );
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
  if (key.asymmetricKeyType !== "rsa") throw refuse(`it is of type ${key.asymmetricKeyType}`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minModulusBits) throw refuse(`${bits} bits, at least ${minModulusBits} are needed`);
  return key;
}

/** Writes beside the place and links into it: a link, unlike a rename, never replaces a key. */
async function makePrivateKeyFile(file: string): Promise<void> {
  const pem = (await generatePrivateKey()).export({ type: "pkcs8", format: "pem" });
  await inTemporaryFile("JWT_PRIVATE_KEY_FILE", file, pem, async (temporary) => {
    try {
      await link(temporary, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  });
}

async function keepPublicKeyFile(
  publicKey: KeyObject,
  file: string,
  formerKeys: readonly KeyObject[],
): Promise<void> {
  const pem = await readKeyFile("JWT_PUBLIC_KEY_FILE", file);
  if (pem !== undefined && isSameKey(pem, publicKey)) return;
  if (pem !== undefined && !formerKeys.some((key) => isSameKey(pem, key))) {
    throw new SettingsError(
      `Cannot start core: the file ${file} of JWT_PUBLIC_KEY_FILE is not the public half of the private key; remove it to have it written anew`,
    );
  }
  await writePublicKeyFile(publicKey, file);
}

export async function writePublicKeyFile(publicKey: KeyObject, file: string): Promise<void> {
  const text = publicKey.export({ type: "spki", format: "pem" });
  await inTemporaryFile("JWT_PUBLIC_KEY_FILE", file, text, (temporary) => rename(temporary, file));
}

function isSameKey(pem: string, publicKey: KeyObject): boolean {
  try {
    return createPublicKey(pem).equals(publicKey);
  } catch {
    return false;
  }
}

/** Copies and backups often lose a file's mode; a key that others may read does not stay so. */
async function closeToOthers(file: string, log: Log): Promise<void> {
  const mode = (await stat(file)).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  log.warn("the signing key was readable by other users of this machine; its mode is 0600 now", {
    file,
    mode: mode.toString(8),
  });
  try {
    await chmod(file, 0o600);
  } catch (error) {
    throw unusable("JWT_PRIVATE_KEY_FILE", file, "closed to other users", error);
  }
}
