// For tests: a disk that is full soon. Only root can mount one.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestScope } from "./testing.ts";

export interface SmallDisk {
  readonly folder: string;
  /** Takes all room that is left. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  setReadOnly(isReadOnly: boolean): void;
}

/** Why there can be none here; false where there can. */
export const skipWithoutMount: string | false = canMount()
  ? false
  : "mounting a small disk needs root on Linux";

export function mountSmallDisk(scope: TestScope, bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-disk-"));
  mount(folder, bytes);
  scope.after(() => {
    execFileSync("umount", ["--lazy", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const filling = join(folder, "filling");
  return {
    folder,
    fill() {
      try {
        for (;;) writeFileSync(filling, Buffer.alloc(4096), { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    free: () => rmSync(filling, { force: true }),
    setReadOnly: (isReadOnly) => {
      execFileSync("mount", ["-o", `remount,${isReadOnly ? "ro" : "rw"}`, folder]);
    },
  };
}

function mount(folder: string, bytes: number): void {
  const options = ["-t", "tmpfs", "-o", `size=${bytes}`, "none", folder];
  execFileSync("mount", options, { stdio: "ignore" });
}

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-disk-"));
  try {
    mount(folder, 65_536);
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
