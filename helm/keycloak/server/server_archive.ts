import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import type { KeycloakRelease } from "../keycloak_version.ts";
import { downloadChecked } from "./archive_download.ts";
import { fileSha256 } from "./checksum.ts";
import { findMavenArchive } from "./local_archive.ts";

export interface ArchiveRequest {
  readonly release: KeycloakRelease;
  /** `keycloak.archive`: a path of this machine or an http(s) address; nothing else is then tried. */
  readonly source?: string | undefined;
  /** Where a download goes. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where the release archive is; the project's own place unless a test says otherwise. */
  readonly releaseUrl?: ((version: string) => string) | undefined;
  readonly tell: (progress: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A file with the release's tar.gz, its checksum verified: from where the configuration says, else
 * from Maven's local repository, else through Maven's client, else from Keycloak's release page. The
 * archive there is the same, bit for bit, as that of Maven's central repository: for 26.2.5 the
 * checksum that others have published of the one is what the other hashes to.
 *
 * @throws {Error} naming what was tried and how to give Helm the archive
 */
export async function obtainArchive(request: ArchiveRequest): Promise<string> {
  const { release, source, env = process.env } = request;
  if (source !== undefined) return await obtainConfigured(request, source);
  const downloaded = downloadPlace(request);
  if (await isRight(downloaded, release)) return downloaded;
  const local = await findMavenArchive(release.version, env);
  if (local !== undefined && (await isRight(local, release))) return local;
  const fetched = await askMaven(request);
  if (fetched !== undefined) return fetched;
  const url = (request.releaseUrl ?? officialUrl)(release.version);
  return await download(request, url).catch((error: Error) => {
    throw new Error(
      `${error.message}; fetch it by hand and name it with "helm config set keycloak.archive <file>"`,
      { cause: error },
    );
  });
}

/** Where a download is kept until the server is unpacked; which version it holds, it says itself. */
export function downloadPlace({ folder, release }: ArchiveRequest): string {
  return join(folder, `keycloak-${release.sha256.slice(0, 16)}.tar.gz`);
}

function officialUrl(version: string): string {
  return `https://github.com/keycloak/keycloak/releases/download/${version}/keycloak-${version}.tar.gz`;
}

async function obtainConfigured(request: ArchiveRequest, source: string): Promise<string> {
  const { release, tell } = request;
  if (/^https?:/i.test(source)) {
    const place = downloadPlace(request);
    return (await isRight(place, release)) ? place : await download(request, source);
  }
  if (!isAbsolute(source)) {
    throw new Error(`Cannot use keycloak.archive "${source}": write it as an absolute path or URL`);
  }
  tell("checking the archive of Keycloak");
  const found = await fileSha256(source).catch((error: Error) => {
    throw new Error(`Cannot read keycloak.archive: ${error.message}`, { cause: error });
  });
  if (found === release.sha256) return source;
  throw new Error(
    `Cannot use keycloak.archive ${source}: its SHA-256 is ${found} instead of ${release.sha256}; if it is the one that you want, run "helm config set keycloak.archive_sha256 ${found}"`,
  );
}

async function download(request: ArchiveRequest, url: string): Promise<string> {
  const { release, tell, signal } = request;
  const file = downloadPlace(request);
  const what = `downloading Keycloak ${release.version}`;
  tell(what);
  await downloadChecked({
    url,
    file,
    sha256: release.sha256,
    tell: (percent) => tell(percent < 0 ? what : `${what} (${percent} %)`),
    signal,
  });
  return file;
}

/** The archive through Maven's client, or `undefined` without one or when that does not work out. */
async function askMaven(request: ArchiveRequest): Promise<string | undefined> {
  const { release, env = process.env, tell, signal } = request;
  const program = await findProgram("mvn", env);
  if (program === undefined) return undefined;
  tell(`getting Keycloak ${release.version} with Maven`);
  const artifact = `org.keycloak:keycloak-quarkus-dist:${release.version}:tar.gz`;
  const repository = env["MAVEN_REPO"] ? [`-Dmaven.repo.local=${env["MAVEN_REPO"]}`] : [];
  const words = ["-q", "-B", "dependency:get", `-Dartifact=${artifact}`, "-Dtransitive=false"];
  try {
    // It may hang on a network that does not answer.
    const options = { env, timeout: 15 * 60 * 1000, ...(signal && { signal }) };
    await promisify(execFile)(program, [...words, ...repository], options);
  } catch {
    signal?.throwIfAborted();
    return undefined; // The release page is next.
  }
  const file = await findMavenArchive(release.version, env);
  return file !== undefined && (await isRight(file, release)) ? file : undefined;
}

async function isRight(file: string, { sha256 }: KeycloakRelease): Promise<boolean> {
  return await fileSha256(file).then(
    (found) => found === sha256,
    () => false,
  );
}

async function findProgram(name: string, { PATH = "" }: NodeJS.ProcessEnv) {
  for (const folder of PATH.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() === true) return file;
  }
  return undefined;
}
