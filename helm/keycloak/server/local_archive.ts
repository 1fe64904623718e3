import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where Maven keeps the archive of a version once somebody on this machine has asked it for it, or
 * `undefined`. `MAVEN_REPO` names another local repository than `~/.m2/repository`.
 */
export async function findMavenArchive(
  version: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const repository = env["MAVEN_REPO"] || join(env["HOME"] || homedir(), ".m2", "repository");
  const name = `keycloak-quarkus-dist-${version}.tar.gz`;
  const file = join(repository, "org", "keycloak", "keycloak-quarkus-dist", version, name);
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true ? file : undefined;
}
