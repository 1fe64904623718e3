// For tests that run a copy of our sources: folders whose names come again. tsx keeps what it has
// compiled by path and content, so a copy under a new name each time is compiled anew, 100 files and
// half a second of processor time for one command.
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Makes `<temporary folder>/<name>-<number>`, with the lowest number that nobody has at the moment.
 * Whoever asks removes it.
 */
export function makeNumberedFolder(name: string): string {
  for (let number = 1; ; number++) {
    const folder = join(tmpdir(), `${name}-${number}`);
    try {
      mkdirSync(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
