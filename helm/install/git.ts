// Git as a child process. It asks nobody, runs no hook, and takes only transports that fetch.
import { CommandError, type CommandOptions, runCommand } from "./run_command.ts";

export type GitOptions = Omit<CommandOptions, "env" | "timeoutMs"> & {
  readonly timeoutMs?: number;
  /** The transports that it may use, as GIT_ALLOW_PROTOCOL has them. */
  readonly protocols?: string;
};

const defaultTimeoutMs = 600_000;

/** What a repository and its own configuration may not make git do. */
const settings = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["protocol.ext.allow", "never"],
  ["advice.detachedHead", "false"],
  ["submodule.recurse", "false"],
  ["gc.auto", "0"],
] as const;

/** Those that prove who answers, and the file system. */
const defaultProtocols = "https:ssh:file";

const environment = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "true",
  SSH_ASKPASS: "true",
  GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ConnectTimeout=15",
  LC_ALL: "C",
};

/** @throws {CommandError} naming what git was to do, and what it said */
export async function git(
  words: readonly string[],
  { protocols = defaultProtocols, ...options }: GitOptions,
): Promise<string> {
  const set = settings.flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  try {
    return await runCommand("git", [...set, ...words], {
      timeoutMs: defaultTimeoutMs,
      ...options,
      env: { ...environment, GIT_ALLOW_PROTOCOL: protocols },
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const said = error.lines.filter((line) => /^(fatal|error):/.test(line)).join(" ");
    const reason = said || error.lines.at(-1) || error.message;
    throw new CommandError(
      `git ${words[0]} ${error.message}: ${withoutPassword(reason)}`,
      error.lines,
    );
  }
}

/**
 * @throws {Error} for an option, a program to run (`ext::`), a password, or what travels in the open
 */
export function requireGitUrl(url: string): void {
  const refuse = (reason: string) => new Error(`Cannot use "${withoutPassword(url)}": ${reason}`);
  if (/^[-]|[\p{Cc}\s]/u.test(url)) throw refuse("it is no git URL");
  if (/^[a-z0-9+.-]+::/i.test(url)) throw refuse("git would run a program for it");
  if (/^[a-z]+:\/\/[^/@]*:[^/@]*@/i.test(url)) {
    // It would stand in the list of processes, in files and on pages.
    throw refuse(
      "take the password out of it and let a credential helper of git's, or ssh, answer",
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "git" || scheme === "http") {
    throw refuse(`whoever is on the way could change what is run here; take https or ssh`);
  }
  if (scheme !== undefined && !["https", "ssh", "file"].includes(scheme)) {
    throw refuse(`take https, ssh, file or a path, not ${scheme}`);
  }
  if (scheme === undefined && !url.startsWith("/") && !/^[\w.-]+@[\w.-]+:/.test(url)) {
    throw refuse("take a URL (https://…), an address (git@host:path) or an absolute path");
  }
}

/** A URL as it may be shown. */
export function withoutPassword(text: string): string {
  return text.replace(/:\/\/[^/@\s]+@/g, "://…@");
}

/**
 * The commit that a branch, a tag or a commit stands for in a clone; without a name, its remote HEAD.
 *
 * @throws {Error} when there is none
 */
export async function resolveRef(folder: string, ref: string | undefined): Promise<string> {
  const names =
    ref === undefined
      ? ["refs/remotes/origin/HEAD"]
      : [
          `refs/remotes/origin/${ref}`,
          `refs/tags/${ref}`,
          ...(/^[0-9a-f]{7,64}$/.test(ref) ? [ref] : []),
        ];
  for (const name of names) {
    const words = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
    const commit = await git(words, { folder }).catch(() => "");
    if (commit !== "") return commit.trim();
  }
  throw new Error(
    ref === undefined
      ? "the repository has no commit to install"
      : `the repository has no branch, tag or commit "${ref}"`,
  );
}

/** Of a branch its name, so that later commits can be followed; `undefined` for a tag or a commit. */
export async function branchOf(
  folder: string,
  ref: string | undefined,
): Promise<string | undefined> {
  const prefix = "refs/remotes/origin/";
  if (ref === undefined) {
    const head = await git(["symbolic-ref", "--quiet", `${prefix}HEAD`], { folder }).catch(
      () => "",
    );
    return head === "" ? undefined : head.trim().slice(prefix.length);
  }
  const words = ["show-ref", "--verify", "--quiet", `${prefix}${ref}`];
  return await git(words, { folder }).then(
    () => ref,
    () => undefined,
  );
}
