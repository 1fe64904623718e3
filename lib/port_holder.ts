import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";

/** The process that listens on a TCP port, where this user may see it. */
export interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

/** @returns `undefined` when nobody listens there or the process belongs to somebody else */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  try {
    return process.platform === "linux" ? await findOnLinux(port) : await findWithLsof(port);
  } catch {
    // This only makes a message more helpful; without it the message is still true.
    return undefined;
  }
}

async function findOnLinux(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (await readFile(table, "utf8").catch(() => "")).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const isListening = fields[3] === "0A";
      if (isListening && Number.parseInt(fields[1]?.split(":")[1] ?? "", 16) === port) {
        inodes.add(`socket:[${fields[9]}]`);
      }
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (inodes.has(target)) return { pid: Number(pid), command: await readCommand(pid) };
    }
  }
  return undefined;
}

async function readCommand(pid: string): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").filter(Boolean);
  // Arguments of a foreign process may hold secrets, so only its program and script are named.
  return words
    .slice(0, 1)
    .concat(words.slice(1).filter((word) => /\.[mc]?[jt]s$/.test(word)))
    .join(" ");
}

async function findWithLsof(port: number): Promise<PortHolder | undefined> {
  const { stdout } = await promisify(execFile)("lsof", [
    "-nP",
    `-iTCP:${port}`,
    "-sTCP:LISTEN",
    "-Fpc",
  ]);
  const pid = /^p(\d+)$/m.exec(stdout)?.[1];
  return pid === undefined
    ? undefined
    : { pid: Number(pid), command: /^c(.*)$/m.exec(stdout)?.[1] ?? "" };
}
