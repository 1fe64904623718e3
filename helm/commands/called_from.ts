// scripts/helm works in the checkout, wherever it is called; a path is meant from where somebody typed it.
import { resolve } from "node:path";

const variable = "HELM_CALLED_FROM";
const folder = process.env[variable] ?? process.cwd();
// Not for whatever this process starts.
delete process.env[variable];

/** An absolute path of one as it was typed. */
export function resolveTyped(path: string): string {
  return resolve(folder, path);
}
