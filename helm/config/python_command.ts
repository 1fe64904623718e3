import { existsSync } from "node:fs";
import { join } from "node:path";

/** What the contract's install.sh makes (contract §6). */
const environmentPrograms = join("pyenv", "bin", "python");

/**
 * How a Flask service is started, in its own folder: its `run.py` (contract §12), with the Python
 * that its install script has set up, or else the machine's.
 */
export function pythonCommand(folder: string): readonly [string, ...string[]] {
  const own = join(folder, environmentPrograms);
  // Unbuffered (-u): its output is the log, and a page should show it as it comes.
  return [existsSync(own) ? own : "python3", "-u", "run.py"];
}
