// A service in another language for tests: Flask and PyJWT, with the contract's own decorator.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestScope } from "@hivematrix/lib/testing";

/** Why it cannot run here, or `false`: for node:test's `skip`. */
export const skipWithoutFlask: string | false = ["python3", "/usr/bin/python3"].some(hasFlask)
  ? false
  : "skipped: Flask or PyJWT is missing, install them (Debian: apt-get install python3-flask python3-jwt python3-cryptography)";

function hasFlask(python: string): boolean {
  const { status } = spawnSync(python, ["-c", "import flask, jwt, cryptography"]);
  return status === 0;
}

/** A git repository with the service in it. @returns its folder, named `ledger` */
export function makeFlaskRepository(scope: TestScope): string {
  const parent = mkdtempSync(join(tmpdir(), "hivematrix-flask-"));
  scope.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "ledger");
  cpSync(join(import.meta.dirname, "flask_app"), folder, { recursive: true });
  // Under its own name it would hide files of this repository.
  renameSync(join(folder, "gitignore"), join(folder, ".gitignore"));
  const git = (...words: string[]) => execFileSync("git", words, { cwd: folder });
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  git(...identity, "commit", "--quiet", "--message", "The ledger");
  git("tag", "v1");
  return folder;
}
