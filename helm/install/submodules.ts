// The submodules of an app's repository: what its commit says, by the transports of the repository itself.
import { join } from "node:path";
import { isThere } from "./app_places.ts";
import { type GitOptions, git } from "./git.ts";

/**
 * Fetches them, and theirs, at the commits that the checked-out commit names.
 *
 * @param gitUrl of the repository: one on this machine may have submodules on this machine. Another one
 *   may not, lest it takes in what is here (CVE-2022-39253, for which git itself refuses files, which
 *   would keep a local repository from its neighbours).
 * @throws {CommandError} naming the submodule, when it cannot be had
 */
export async function fetchSubmodules(
  folder: string,
  gitUrl: string,
  watch: Pick<GitOptions, "onLine" | "signal" | "mark">,
): Promise<void> {
  if (!(await isThere(join(folder, ".gitmodules")))) return;
  const isLocal = /^(\/|file:)/i.test(gitUrl);
  const options = { ...watch, folder, protocols: isLocal ? "https:ssh:file" : "https:ssh" };
  watch.onLine?.("Fetching its submodules");
  // Their addresses may be others than in the version before.
  await git(["submodule", "--quiet", "sync", "--recursive"], options);
  const words = ["--init", "--recursive", "--checkout", "--force"];
  await git(["submodule", "--quiet", "update", ...words], options);
}

/** Of changed paths, those that are submodules: git keeps what was changed in them nowhere else. */
export async function listSubmodules(folder: string, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const text = await git(["ls-files", "--stage", "-z", "--", ...paths], { folder });
  return text
    .split("\0")
    .filter((entry) => entry.startsWith("160000 "))
    .map((entry) => entry.slice(entry.indexOf("\t") + 1));
}
