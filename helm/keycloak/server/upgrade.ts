// From one release of Keycloak to another, and the way back. A newer Keycloak changes its tables for
// good, and an older one cannot read them then. So the whole database is copied before, and the way
// back leads to that copy: what has changed since is lost with it, and kept aside.
import type { Sql } from "postgres";
import { copyDatabase, restoreDatabase } from "../../postgres/database_copy.ts";
import type { KeycloakRelease } from "../keycloak_version.ts";
import { type DistributionRequest, ensureRelease } from "./distribution.ts";
import { type ReleaseRecord, readReleaseRecord, writeReleaseRecord } from "./release_record.ts";

export interface UpgradeParts {
  readonly distribution: DistributionRequest;
  /** To the server's own database, as somebody who may make databases. */
  readonly adminSql: Sql;
  /** Keycloak's own. */
  readonly database: { readonly name: string; readonly owner: string };
  /** The service as it is supervised; `start` resolves when it is ready. */
  readonly service: { stop(): Promise<void>; start(): Promise<void> };
  readonly tell: (progress: string) => void;
}

/**
 * Gets, checks and builds the release beside the one that runs, copies the data, and switches. When
 * the new one does not become ready, the old one goes on with the data as they were.
 *
 * @throws {Error} saying what did not work, and what runs now
 */
export async function upgradeServer(parts: UpgradeParts, release: KeycloakRelease): Promise<void> {
  const { distribution, tell, service } = parts;
  const { current } = await requireRecord(distribution.folder);
  if (current.version === release.version) {
    return tell(`Keycloak ${release.version} is what runs already.`);
  }
  await ensureRelease(distribution, release);
  tell(`stopping Keycloak ${current.version} to copy its data`);
  await service.stop();
  try {
    const { name: from, owner } = parts.database;
    await copyDatabase(parts.adminSql, { from, to: copyOf(from), owner });
    await writeReleaseRecord(distribution.folder, { current: release, previous: current });
    tell(`starting Keycloak ${release.version}`);
  } catch (error) {
    await service.start();
    throw error;
  }
  await service.start().catch(async (error: Error) => {
    await returnToPrevious(parts, { current: release, previous: current });
    throw new Error(
      `Keycloak ${release.version} did not become ready: ${error.message}. Keycloak ${current.version} runs again, with the data as they were`,
      { cause: error },
    );
  });
  tell(`Keycloak ${release.version} runs.`);
  tell(`The data as they were before are in the database ${copyOf(parts.database.name)}.`);
}

/**
 * Back to the release before, and to the data as they were when it was left.
 *
 * @throws {Error} when there is none
 */
export async function goBack(parts: UpgradeParts): Promise<void> {
  const record = await requireRecord(parts.distribution.folder);
  const { previous } = record;
  if (previous === undefined) {
    throw new Error(`Cannot go back: Keycloak ${record.current.version} is the first one here`);
  }
  await ensureRelease(parts.distribution, previous);
  await returnToPrevious(parts, { ...record, previous });
  const { name } = parts.database;
  parts.tell(`Keycloak ${previous.version} runs, with the data from before the upgrade.`);
  parts.tell(`What has changed since is in the database ${keptAs(name)}, until the next way back.`);
}

/** Tells the database of before the upgrade from that of after it. */
const copyOf = (database: string) => `${database}_before_upgrade`;
const keptAs = (database: string) => `${database}_after_upgrade`;

async function returnToPrevious(
  { adminSql, database: { name }, distribution, service, tell }: UpgradeParts,
  { previous }: Required<ReleaseRecord>,
): Promise<void> {
  tell(`going back to Keycloak ${previous.version}`);
  await service.stop();
  try {
    await restoreDatabase(adminSql, { name, copy: copyOf(name), keepAs: keptAs(name) });
    await writeReleaseRecord(distribution.folder, { current: previous });
  } finally {
    await service.start();
  }
}

async function requireRecord(folder: string): Promise<ReleaseRecord> {
  const record = await readReleaseRecord(folder);
  if (record !== undefined) return record;
  throw new Error('Cannot upgrade Keycloak: it has never run here; start it with "helm up"');
}
