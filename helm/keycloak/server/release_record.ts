import { join } from "node:path";
import { readIfThere, writeIfChanged } from "../../config/atomic_file.ts";
import type { KeycloakRelease } from "../keycloak_version.ts";

/** Which release this installation runs, and which one it could go back to. */
export interface ReleaseRecord {
  readonly current: KeycloakRelease;
  readonly previous?: KeycloakRelease;
}

/**
 * What this installation runs, whatever the pinned version has become since: a newer Keycloak
 * changes its tables for good, so it is taken up by `helm identity upgrade` and never by surprise.
 *
 * @param folder `helm/instance/keycloak`
 * @returns `undefined` before the first start
 * @throws {Error} for a file that somebody has damaged
 */
export async function readReleaseRecord(folder: string): Promise<ReleaseRecord | undefined> {
  const file = recordFile(folder);
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  try {
    const { current, previous } = JSON.parse(text) as ReleaseRecord;
    for (const release of [current, ...(previous === undefined ? [] : [previous])]) {
      if (!isVersion(release.version) || !isSha256(release.sha256)) throw new Error("it is wrong");
    }
    return { current, ...(previous !== undefined && { previous }) };
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(
      `Cannot tell which Keycloak to run from ${file}: ${reason}; mend it, or remove it to run the pinned version`,
      { cause: error },
    );
  }
}

export async function writeReleaseRecord(folder: string, record: ReleaseRecord): Promise<void> {
  await writeIfChanged(recordFile(folder), `${JSON.stringify(record, null, 2)}\n`);
}

/** Part of a path and of an address, so nothing but `26.7.3` and the like. */
export function isVersion(text: unknown): text is string {
  return typeof text === "string" && /^\d+(\.\d+){1,3}(-[A-Za-z0-9]+)?$/.test(text);
}

export function isSha256(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

function recordFile(folder: string): string {
  return join(folder, "release.json");
}
