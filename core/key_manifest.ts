// keys.json, beside the private key file: which keys come after the one that signs, and which came
// before it and still have tokens about. The private key file alone says which key signs.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SettingsError } from "@hivematrix/lib/settings";
import { inTemporaryFile, readKeyFile } from "./key_file.ts";
import {
  createPublishedKey,
  createSigningKey,
  type PublishedKey,
  type SigningKey,
} from "./signing_key.ts";
import { formatTime } from "./times.ts";

export interface NextKey extends SigningKey {
  /** Since when it is in the JWKS, in seconds since 1970. */
  readonly publishedAtSeconds: number;
}

export interface PreviousKey extends PublishedKey {
  /** When the last token that it signed is over, in seconds since 1970. */
  readonly publishedUntilSeconds: number;
}

export interface KeyManifest {
  /** The first is the one to sign next. */
  readonly next: readonly NextKey[];
  readonly previous: readonly PreviousKey[];
}

export function manifestFileOf(privateKeyFile: string): string {
  return join(dirname(privateKeyFile), "keys.json");
}

/** @throws {SettingsError} for a file that cannot be used; it is left as it is */
export async function readManifest(file: string): Promise<KeyManifest> {
  const text = await readKeyFile("JWT_PRIVATE_KEY_FILE", file);
  if (text === undefined) return { next: [], previous: [] };
  try {
    const { next, previous } = JSON.parse(text) as StoredManifest;
    return {
      next: await Promise.all(
        next.map(async ({ private_key, published_at }) => ({
          ...(await createSigningKey(createPrivateKey(private_key))),
          publishedAtSeconds: parseTime(published_at),
        })),
      ),
      previous: await Promise.all(
        previous.map(async ({ public_key, published_until }) => ({
          ...(await createPublishedKey(createPublicKey(public_key))),
          publishedUntilSeconds: parseTime(published_until),
        })),
      ),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError(
      `Cannot start core: the file ${file} is no usable list of keys (${reason}); put it back from a backup, or remove it, which signs out whoever signed in before the last key rotation`,
      { cause: error },
    );
  }
}

/** In one step: whoever is killed here leaves the old file or the new one. */
export async function writeManifest(
  file: string,
  { next, previous }: KeyManifest,
  currentKid: string,
): Promise<void> {
  const stored: StoredManifest = {
    // For people who look at it; nothing reads it.
    current: currentKid,
    next: next.map(({ kid, privateKey, publishedAtSeconds }) => ({
      kid,
      published_at: formatTime(publishedAtSeconds),
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    })),
    previous: previous.map(({ kid, publicKey, publishedUntilSeconds }) => ({
      kid,
      published_until: formatTime(publishedUntilSeconds),
      public_key: publicKey.export({ type: "spki", format: "pem" }).toString(),
    })),
  };
  const text = `${JSON.stringify(stored, undefined, 2)}\n`;
  await inTemporaryFile("JWT_PRIVATE_KEY_FILE", file, text, (temporary) => rename(temporary, file));
}

interface StoredManifest {
  readonly current: string;
  readonly next: readonly { kid: string; published_at: string; private_key: string }[];
  readonly previous: readonly { kid: string; published_until: string; public_key: string }[];
}

function parseTime(text: string): number {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new TypeError(`"${text}" is no time`);
  return Math.floor(milliseconds / 1000);
}
