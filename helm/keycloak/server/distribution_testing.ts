// For tests: what looks like Keycloak's archive and like Java, so that a test takes milliseconds.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestScope } from "@hivematrix/lib/testing";

export function makeTestFolder(scope: TestScope): string {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-distribution-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  return folder;
}

/** A tar.gz with nothing but the file that Java is pointed at. */
export function makeArchive(folder: string, version: string): { file: string; sha256: string } {
  const lib = join(folder, `keycloak-${version}`, "lib");
  mkdirSync(lib, { recursive: true });
  writeFileSync(join(lib, "quarkus-run.jar"), version);
  const file = join(folder, `archive-${version}.tar.gz`);
  execFileSync("tar", ["-czf", file, "-C", folder, `keycloak-${version}`]);
  return { file, sha256: createHash("sha256").update(readFileSync(file)).digest("hex") };
}

/**
 * A `java` that says it is of that version, and notes what it was asked for, a line each time.
 *
 * @param build shell commands that stand for what it does
 */
export function makeJava(folder: string, version: string, build = ":"): string {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "java");
  const script = `#!/bin/sh
if [ "$1" = "-version" ]; then echo 'openjdk version "${version}" 2025-04-15' >&2; exit 0; fi
echo "$@" >> "${folder}/asked"
${build}
`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  return program;
}

/** What the `java` of that folder was asked for. */
export function askedOf(folder: string): string[] {
  try {
    return readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
  } catch {
    return [];
  }
}
