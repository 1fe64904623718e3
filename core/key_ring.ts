import { rename, stat } from "node:fs/promises";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { inTemporaryFile } from "./key_file.ts";
import {
  type KeyManifest,
  manifestFileOf,
  type NextKey,
  type PreviousKey,
  readManifest,
  writeManifest,
} from "./key_manifest.ts";
import {
  createSigningKey,
  generatePrivateKey,
  type KeyFiles,
  type KeySet,
  loadKeySet,
  type PublishedKey,
  type SigningKey,
  writePublicKeyFile,
} from "./signing_key.ts";
import { serviceTokenLifetimeSeconds } from "./tokens.ts";

/** Keys of which one signs, until the next one takes its place. */
export interface RotatingKeys extends KeySet {
  /** @throws {HttpError} 409 while the next key is too new to sign */
  rotate(): Promise<KeyRotation>;
}

export interface KeyRotation {
  readonly current: SigningKey;
  readonly next: readonly NextKey[];
  readonly previous: readonly PreviousKey[];
}

export interface KeyRingOptions {
  readonly log: Log;
  readonly sessionLifetimeSeconds: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How often the files are looked at, for what another Core did. Default 1 s. */
  readonly watchMs?: number;
}

/** For another Core that signs with the old key until it has seen the files, and for clocks. */
const overlapSeconds = 60;

/**
 * A verifier asks for the JWKS when it meets a new `kid`, but no sooner than 5 s after it last asked
 * (lib/core_keys.ts). A key that was published for longer than that is known or will be asked for.
 */
const leastPublishedSeconds = 10;

/**
 * The keys in the files: the private key file holds the one that signs, keys.json the next and the
 * previous ones. Whenever it is killed, the next start finds a set that verifies every token there
 * is. Cores that share the folder see each other's rotations within a second; Cores that do not
 * share it must be given the same files, or they refuse each other's tokens.
 */
export class KeyRing implements RotatingKeys {
  readonly #files: KeyFiles;
  readonly #manifestFile: string;
  readonly #options: KeyRingOptions;
  readonly #now: () => number;
  #current: SigningKey;
  #manifest: KeyManifest;
  #stamp: string;
  #lastWork: Promise<unknown> = Promise.resolve();
  readonly #watch: NodeJS.Timeout;

  private constructor(files: KeyFiles, options: KeyRingOptions, found: FoundKeys) {
    this.#files = files;
    this.#manifestFile = manifestFileOf(files.privateKeyFile);
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#current = found.current;
    this.#manifest = found.manifest;
    this.#stamp = found.stamp;
    const look = () => void this.#inTurn(() => this.#reloadIfChanged());
    this.#watch = setInterval(look, options.watchMs ?? 1000).unref();
  }

  /** @throws {SettingsError} naming a file that cannot be used */
  static async load(files: KeyFiles, options: KeyRingOptions): Promise<KeyRing> {
    const ring = new KeyRing(files, options, await readKeys(files, options.log));
    try {
      await ring.#inTurn(() => ring.#ensureNext());
    } catch (error) {
      ring.close();
      throw error;
    }
    return ring;
  }

  get signing(): SigningKey {
    return this.#current;
  }

  get published(): readonly PublishedKey[] {
    const nowSeconds = this.#nowSeconds();
    const { next, previous } = this.#manifest;
    const alive = previous.filter((key) => key.publishedUntilSeconds > nowSeconds);
    const all = [this.#current, ...next, ...alive];
    // After a kill in a rotation a key may be in two places.
    return all.filter((key, index) => all.findIndex(({ kid }) => kid === key.kid) === index);
  }

  rotate(): Promise<KeyRotation> {
    return this.#inTurn(async () => {
      await this.#reloadIfChanged();
      await this.#ensureNext();
      const [promoted, ...others] = this.#manifest.next;
      if (promoted === undefined) throw new Error("There is always a next key");
      this.#requireKnown(promoted);
      const next = [...others, await this.#createNext()];
      const previous = [this.#retire(this.#current), ...this.#alive()];
      // In this order each state on disk is good: first everything is published, the promoted key
      // still among the next ones; then it signs; then it is next no more.
      await this.#write({ next: [promoted, ...next], previous });
      await this.#place(promoted);
      this.#current = promoted;
      await writePublicKeyFile(promoted.publicKey, this.#files.publicKeyFile);
      await this.#write({ next, previous });
      this.#options.log.info("rotated the signing key", { kid: promoted.kid });
      return { current: promoted, next, previous };
    });
  }

  close(): void {
    clearInterval(this.#watch);
  }

  /** One after the other; what fails fails alone. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastWork.then(work);
    this.#lastWork = result.catch(() => {});
    return result;
  }

  async #ensureNext(): Promise<void> {
    if (this.#manifest.next.length > 0) return;
    await this.#write({ ...this.#manifest, next: [await this.#createNext()] });
  }

  async #createNext(): Promise<NextKey> {
    const key = await createSigningKey(await generatePrivateKey());
    return { ...key, publishedAtSeconds: this.#nowSeconds() };
  }

  #requireKnown({ publishedAtSeconds }: NextKey): void {
    const ageSeconds = this.#nowSeconds() - publishedAtSeconds;
    if (ageSeconds < 0 || ageSeconds >= leastPublishedSeconds) return;
    const waitSeconds = leastPublishedSeconds - ageSeconds;
    throw new HttpError(
      409,
      `Cannot rotate the keys: the next key is published for ${ageSeconds} s only, services may not know it before ${leastPublishedSeconds} s; try again in ${waitSeconds} s`,
      { headers: { "retry-after": String(waitSeconds) } },
    );
  }

  #retire(key: PublishedKey): PreviousKey {
    const { sessionLifetimeSeconds } = this.#options;
    const lifetime = Math.max(sessionLifetimeSeconds, serviceTokenLifetimeSeconds);
    const publishedUntilSeconds = this.#nowSeconds() + lifetime + overlapSeconds;
    const { kid, publicKey, jwk } = key;
    return { kid, publicKey, jwk, publishedUntilSeconds };
  }

  #alive(): PreviousKey[] {
    const nowSeconds = this.#nowSeconds();
    return this.#manifest.previous.filter((key) => key.publishedUntilSeconds > nowSeconds);
  }

  async #write(manifest: KeyManifest): Promise<void> {
    await writeManifest(this.#manifestFile, manifest, this.#current.kid);
    this.#manifest = manifest;
    this.#stamp = await readStamp(this.#files);
  }

  async #place({ privateKey }: SigningKey): Promise<void> {
    const { privateKeyFile } = this.#files;
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    await inTemporaryFile("JWT_PRIVATE_KEY_FILE", privateKeyFile, pem, (temporary) =>
      rename(temporary, privateKeyFile),
    );
  }

  async #reloadIfChanged(): Promise<void> {
    try {
      if ((await readStamp(this.#files)) === this.#stamp) return;
      const found = await readKeys(this.#files, this.#options.log);
      this.#current = found.current;
      this.#manifest = found.manifest;
      this.#stamp = found.stamp;
    } catch (error) {
      // What is loaded goes on working; a start would have refused such files.
      this.#options.log.error("the changed key files cannot be used", { error });
    }
  }

  #nowSeconds(): number {
    return Math.floor(this.#now() / 1000);
  }
}

interface FoundKeys {
  readonly current: SigningKey;
  readonly manifest: KeyManifest;
  readonly stamp: string;
}

async function readKeys(files: KeyFiles, log: Log): Promise<FoundKeys> {
  // Before the files: a change while they are read is seen at the next look.
  const stamp = await readStamp(files);
  const { next, previous } = await readManifest(manifestFileOf(files.privateKeyFile));
  const formerKeys = previous.map(({ publicKey }) => publicKey);
  const { signing: current } = await loadKeySet(files, { log, formerKeys });
  const isOther = ({ kid }: PublishedKey) => kid !== current.kid;
  const manifest = { next: next.filter(isOther), previous: previous.filter(isOther) };
  return { current, manifest, stamp };
}

/** Changes whenever the private key file or keys.json does. */
async function readStamp({ privateKeyFile }: KeyFiles): Promise<string> {
  const stamps = [privateKeyFile, manifestFileOf(privateKeyFile)].map(async (file) => {
    try {
      const { mtimeNs, size, ino } = await stat(file, { bigint: true });
      return `${mtimeNs} ${size} ${ino}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  });
  return (await Promise.all(stamps)).join(" ");
}
