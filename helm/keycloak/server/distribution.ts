// The unpacked, built Keycloak of an installation, below `helm/instance/keycloak/<version>/`.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type KeycloakRelease, pinnedKeycloak } from "../keycloak_version.ts";
import type { JavaRuntime } from "./java_runtime.ts";
import { readReleaseRecord, writeReleaseRecord } from "./release_record.ts";
import { type ArchiveRequest, downloadPlace, obtainArchive } from "./server_archive.ts";
import {
  isServerBuilt,
  makeServerHome,
  readArchiveVersion,
  removeHalfMade,
} from "./server_home.ts";

export interface DistributionRequest {
  /** `helm/instance/keycloak` */
  readonly folder: string;
  /** `keycloak.archive` and `keycloak.archive_sha256` */
  readonly source?: string | undefined;
  readonly sha256?: string | undefined;
  readonly java: JavaRuntime;
  readonly tell: (progress: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** For tests. */
  readonly releaseUrl?: ArchiveRequest["releaseUrl"];
}

/**
 * The home of the release that this installation runs; made when it is not there. The first time
 * that is the pinned release, or whatever the configured archive holds, and it is remembered.
 *
 * @throws {Error} saying what could not be fetched, verified, unpacked or built
 */
export async function ensureDistribution(request: DistributionRequest): Promise<string> {
  const { folder } = request;
  const record = await readReleaseRecord(folder);
  if (record !== undefined) return await ensureRelease(request, record.current);
  const { version, sha256 } = pinnedKeycloak;
  const isPinned = request.sha256 === undefined || request.sha256 === sha256;
  const release = isPinned ? pinnedKeycloak : await readConfiguredRelease(request, version);
  const home = await ensureRelease(request, release);
  await writeReleaseRecord(folder, { current: release });
  return home;
}

/** The home of one release; made when it is not there, whole or not at all. */
export async function ensureRelease(
  request: DistributionRequest,
  release: KeycloakRelease,
): Promise<string> {
  const { folder, java, tell, signal } = request;
  const home = releaseHome(folder, release.version);
  if (await isServerBuilt(home)) return home;
  await removeHalfMade(home);
  const archiveRequest = { ...request, release };
  const archive = await obtainArchive(archiveRequest);
  const found = await readArchiveVersion(archive);
  if (found !== release.version) {
    throw new Error(`Cannot use ${archive}: it holds Keycloak ${found}, not ${release.version}`);
  }
  await makeServerHome({ java: java.program, home }, archive, {
    tell: (step) => tell(`${step} Keycloak ${release.version}`),
    signal,
  });
  // The server is there now; whatever else it came from is not ours to remove.
  await rm(downloadPlace(archiveRequest), { force: true });
  return home;
}

export function releaseHome(folder: string, version: string): string {
  return join(folder, version);
}

/** An archive that the operator chose says itself which version it holds. */
async function readConfiguredRelease(
  request: DistributionRequest,
  pinned: string,
): Promise<KeycloakRelease> {
  const { sha256 = "" } = request;
  const archive = await obtainArchive({ ...request, release: { version: pinned, sha256 } });
  return { version: await readArchiveVersion(archive), sha256 };
}
