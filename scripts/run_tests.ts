// Runs the test files given (default: all that git knows) on node's test runner, with one real
// PostgreSQL and one real Keycloak for all of them: a server for each file would take most of the time.
import { execFileSync } from "node:child_process";
import { setMaxListeners } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { PostgresProcess } from "@hivematrix/lib/postgres_testing";

/** The files that take longest, in the order of what they took. */
const longest = [
  "scripts/end_to_end.test.ts",
  "scripts/keycloak_server.test.ts",
  "nexus/sign_in_keycloak.test.ts",
  "helm/commands/command_line.test.ts",
  "helm/commands/config.test.ts",
  "core/shared_revocations.test.ts",
  "helm/keycloak/realm_setup.test.ts",
  "helm/commands/users.test.ts",
  "helm/commands/completion.test.ts",
  "scripts/start.test.ts",
  "nexus/processes.test.ts",
];

const root = join(import.meta.dirname, "..");
process.chdir(root);
const named = process.argv.slice(2);
const files = orderTestFiles(named.length > 0 ? named : listTestFiles());
const missing = files.filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.error(`Cannot run ${missing.join(", ")}: there is no such file`);
  process.exit(2);
}

/** No test needs this long; a file that does not end must not hold up the whole check. */
const timeoutMs = 600_000;

const cleanUps: (() => unknown)[] = [];
const scope = { after: (cleanUp: () => unknown) => void cleanUps.unshift(cleanUp) };
const database = await PostgresProcess.start();
scope.after(() => database.stop());
process.env["HIVEMATRIX_TEST_POSTGRES"] = database.url;
const sharedServer = shareKeycloak();

const ending = new AbortController();
// Node's runner listens once for each file.
setMaxListeners(0, ending.signal);
process.once("SIGINT", () => ending.abort());
process.once("SIGTERM", () => ending.abort());
// One more than there are processors on a small machine: a good part of the files wait most of the time.
const tests = run({ files, concurrency: 3, timeout: timeoutMs, signal: ending.signal });
tests.on("test:fail", () => {
  process.exitCode = 1;
});
await new Promise((resolve) => {
  tests.compose(new spec()).on("end", resolve).pipe(process.stdout);
});
await sharedServer;
for (const cleanUp of cleanUps) await cleanUp();
process.exit();

/** Tracked files and new ones alike, so that a test counts before it is committed. */
function listTestFiles(): string[] {
  const options = ["ls-files", "--cached", "--others", "--exclude-standard", "*.test.ts"];
  const found = execFileSync("git", options, { encoding: "utf8" }).split("\n");
  // A file that was deleted is tracked until the next commit.
  return found.filter((file) => file !== "" && existsSync(file));
}

/** The longest first, so that none of them runs on alone at the end. */
function orderTestFiles(given: readonly string[]): string[] {
  const rank = (file: string) => {
    const found = longest.findIndex((name) => file.endsWith(name));
    return found === -1 ? longest.length : found;
  };
  return given.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Starts the Keycloak that files share, if there is one among them that wants it: while the others
 * run, and those that need it wait for its file.
 */
async function shareKeycloak(): Promise<void> {
  const wantsIt = (file: string) => readFileSync(file, "utf8").includes("shareKeycloakServer(");
  if (!files.some(wantsIt)) return;
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-tests-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "keycloak.json");
  process.env["HIVEMATRIX_TEST_KEYCLOAK"] = file;
  const { keycloakServerSkip } = await import("../helm/keycloak/server_testing.ts");
  const { startSharedServer } = await import("../helm/keycloak/shared_server_testing.ts");
  // Those that need it say that it is missing.
  if (keycloakServerSkip() === false) await startSharedServer(scope, file);
}
