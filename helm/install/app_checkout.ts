// An app's repository on this machine: cloned, brought to a version, questioned.
import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isThere } from "./app_places.ts";
import { branchOf, type GitOptions, git, resolveRef } from "./git.ts";
import { fetchSubmodules } from "./submodules.ts";

export type GitWatch = Pick<GitOptions, "onLine" | "signal" | "mark">;

/**
 * Clones a repository without its history of other branches lost, and its submodules.
 *
 * @returns the commit of `ref`
 */
export async function cloneApp(
  { git_url, ref }: { readonly git_url: string; readonly ref?: string | undefined },
  folder: string,
  watch: GitWatch,
): Promise<string> {
  await mkdir(dirname(folder), { recursive: true });
  const words = ["clone", "--quiet", "--no-checkout", "--", git_url, folder];
  await git(words, { ...watch, folder: dirname(folder) });
  const commit = await checkOut(folder, ref, watch);
  await fetchSubmodules(folder, git_url, watch);
  return commit;
}

/**
 * The same repository beside the running one, at another commit. Branches, stashes and settings that
 * somebody made there come along; its submodules are fetched anew.
 *
 * @param keep a commit to be kept as a branch of that name: what was changed by hand
 */
export async function checkOutBeside(
  running: string,
  folder: string,
  source: { readonly git_url: string; readonly ref?: string | undefined },
  watch: GitWatch,
  keep?: { readonly branch: string; readonly commit: string },
): Promise<string> {
  await mkdir(folder, { recursive: true });
  // The address of a submodule may be another one by now, which git overlooks where it has a clone.
  const filter = (path: string) => path !== join(running, ".git", "modules");
  await cp(join(running, ".git"), join(folder, ".git"), { recursive: true, filter });
  const options = { ...watch, folder };
  await git(["remote", "set-url", "origin", source.git_url], options);
  await git(["fetch", "--quiet", "--tags", "--force", "--prune", "origin"], options);
  await git(["remote", "set-head", "origin", "--auto"], { ...options, onLine: () => {} }).catch(
    () => "",
  );
  if (keep !== undefined) await git(["branch", "--force", keep.branch, keep.commit], options);
  const commit = await checkOut(folder, source.ref, watch);
  await fetchSubmodules(folder, source.git_url, watch);
  return commit;
}

async function checkOut(folder: string, ref: string | undefined, watch: GitWatch): Promise<string> {
  const commit = await resolveRef(folder, ref);
  const branch = await branchOf(folder, ref);
  const words =
    branch === undefined ? ["--detach", commit] : ["-B", branch, "--track", `origin/${branch}`];
  await git(["checkout", "--quiet", "--force", ...words], { ...watch, folder });
  return commit;
}

/** How a working copy stands to what it was made of. */
export interface GitStatus {
  readonly commit: string;
  /** `git describe`: the nearest tag, or the commit's beginning. */
  readonly version: string;
  /** Tracked files that were changed by hand. */
  readonly changed: readonly string[];
  /** Commits of its own, and those of the repository that it lacks, as far as fetched. */
  readonly ahead: number;
  readonly behind: number;
}

/** @returns `undefined` where the folder is no repository of its own */
export async function readGitStatus(
  folder: string,
  ref: string | undefined,
): Promise<GitStatus | undefined> {
  if (!(await isThere(join(folder, ".git")))) return undefined;
  const read = async (...words: string[]) => (await git(words, { folder })).trim();
  const target = await resolveRef(folder, ref).catch(() => "HEAD");
  const [commit, version, changed, counts] = await Promise.all([
    read("rev-parse", "HEAD"),
    read("describe", "--tags", "--always"),
    listChanged(folder),
    read("rev-list", "--left-right", "--count", `HEAD...${target}`),
  ]);
  const [ahead = 0, behind = 0] = counts.split(/\s+/).map(Number);
  return { commit, version, changed, ahead, behind };
}

/** Helm's own, which some repositories track all the same. */
const written = /^(\.env|\.flaskenv|services\.json|instance\/[^/]+\.conf)$/;

/** Tracked files that differ from the commit, because somebody changed them. */
export async function listChanged(folder: string): Promise<string[]> {
  const text = await git(["status", "--porcelain=v1", "--untracked-files=no", "-z"], { folder });
  return text
    .split("\0")
    .filter((entry) => /^[ MADRCUT]{2} /.test(entry))
    .map((entry) => entry.slice(3))
    .filter((file) => !written.test(file));
}

/** Files that git does not track, whether it ignores them or not: folders as one, `instance/` by its parts. */
export async function listUntracked(folder: string): Promise<string[]> {
  const words = ["ls-files", "--others", "--directory", "--no-empty-directory", "-z"];
  const text = await git(words, { folder });
  return text
    .split("\0")
    .filter((path) => path !== "")
    .map((path) => path.replace(/\/$/, ""));
}

/** The commit that a repository has under `ref` now, asked over the network. */
export async function askRemote(
  { git_url, ref }: { readonly git_url: string; readonly ref?: string | undefined },
  folder: string,
  options: Pick<GitOptions, "timeoutMs" | "signal">,
): Promise<string | undefined> {
  const names =
    ref === undefined ? ["HEAD"] : [`refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`];
  const text = await git(["ls-remote", "--", git_url, ...names], { ...options, folder });
  const found = new Map(
    text.split("\n").map((line) => line.split("\t").reverse() as [string, string]),
  );
  const commit = names.map((name) => found.get(name)).find((one) => one !== undefined);
  // A pinned commit has no name there, and does not move.
  return commit ?? (ref !== undefined && /^[0-9a-f]{40}$/.test(ref) ? ref : undefined);
}
