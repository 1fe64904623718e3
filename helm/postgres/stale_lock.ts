import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

/**
 * Removes a `postmaster.pid` whose process is none of PostgreSQL's. After a power cut the pid in it
 * may belong to any other process of the same user, and PostgreSQL, which only asks whether such a
 * process lives, would refuse to start for good.
 */
export async function removeStaleLock(dataDir: string): Promise<void> {
  const file = path.join(dataDir, "postmaster.pid");
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return;
  const pid = Number.parseInt(text, 10);
  if (pid > 1 && !(await isPostgres(pid))) await rm(file, { force: true });
}

async function isPostgres(pid: number): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "comm=", "-p", String(pid)]);
    return path.basename(stdout.trim()).startsWith("postgres");
  } catch {
    return false; // No such process.
  }
}
