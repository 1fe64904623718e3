// Runs the test files given (default: all that git knows) on node's test runner, with one real
// PostgreSQL for all of them: starting one for each file would take most of the time.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PostgresProcess } from "@hivematrix/lib/postgres_testing";

const root = join(import.meta.dirname, "..");
const named = process.argv.slice(2);
const files = named.length > 0 ? named : listTestFiles();

/** No test needs this long; a file that does not end must not hold up the whole check. */
const timeoutMs = 600_000;

const database = await PostgresProcess.start();
const runner = spawn(
  process.execPath,
  [
    ...["--import", "tsx", "--test", "--test-concurrency=2", "--test-reporter=spec"],
    ...[`--test-timeout=${timeoutMs}`, ...files],
  ],
  {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, HIVEMATRIX_TEST_POSTGRES: database.url },
  },
);
const forward = (signal: NodeJS.Signals) => runner.kill(signal);
process.on("SIGINT", forward);
process.on("SIGTERM", forward);
const [status] = (await once(runner, "exit")) as [number | null];
await database.stop();
process.exit(status ?? 1);

/** Tracked files and new ones alike, so that a test counts before it is committed. */
function listTestFiles(): string[] {
  const options = ["ls-files", "--cached", "--others", "--exclude-standard", "*.test.ts"];
  const found = execFileSync("git", options, { cwd: root, encoding: "utf8" }).split("\n");
  return found.filter((file) => file !== "");
}
