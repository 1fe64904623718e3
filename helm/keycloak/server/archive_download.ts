import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface Download {
  readonly url: string;
  /** Where it goes once it is whole and right. */
  readonly file: string;
  /** What it has to hash to, in lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Told how much of it is there, in percent, each time that changes. */
  readonly tell?: (percent: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches a file over http or https. What does not have the right checksum never gets its name, and
 * is removed like anything half-fetched.
 *
 * @throws {Error} naming the address and the reason
 */
export async function downloadChecked({
  url,
  file,
  sha256,
  tell = () => {},
  signal,
}: Download): Promise<void> {
  const partial = `${file}.${process.pid}.part`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    const response = await fetch(url, { signal: signal ?? null });
    if (!response.ok || response.body === null) throw new Error(`it answered ${response.status}`);
    const hash = createHash("sha256");
    const length = Number(response.headers.get("content-length") ?? 0);
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    await pipeline(body, measure(hash, length, tell), createWriteStream(partial, { mode: 0o600 }));
    const found = hash.digest("hex");
    if (found !== sha256) throw new Error(`its SHA-256 is ${found} instead of ${sha256}`);
    await rename(partial, file);
  } catch (error) {
    throw new Error(`Cannot download ${url}: ${describe(error)}`, { cause: error });
  } finally {
    await rm(partial, { force: true });
  }
}

function measure(
  hash: { update(chunk: Buffer): unknown },
  length: number,
  tell: (percent: number) => void,
): Transform {
  let bytes = 0;
  let told = -1;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      const percent = length === 0 ? -1 : Math.floor((bytes / length) * 100);
      if (percent !== told) tell(percent);
      told = percent;
      done(null, chunk);
    },
  });
}

/** fetch's own message is "fetch failed"; what went wrong is its cause. */
function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}
