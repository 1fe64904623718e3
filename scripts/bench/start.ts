// How long the platform takes to start and how much memory it keeps: a copy of this checkout in a
// temporary folder is started as a user would. `node --import tsx scripts/bench/start.ts`
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { formatMemory } from "../../helm/control/figures.ts";
import { keycloakServerSkip } from "../../helm/keycloak/server_testing.ts";
import { findFreeOffset } from "../../helm/testing.ts";

/** What issue 2 asks for. */
const goals = { freshMs: 10_000, initialisedMs: 4000, perProcessBytes: 90e6, togetherBytes: 600e6 };
/** A process that has just started still holds what it started with. */
const idleMs = 10_000;

interface ServiceLine {
  readonly name: string;
  readonly state: string;
  readonly processes?: number;
  readonly memoryBytes?: number;
}

const root = join(import.meta.dirname, "..", "..");
const place = mkdtempSync(join(tmpdir(), "hivematrix-bench-"));
// When root measures, PostgreSQL runs as somebody else, whose data would otherwise stay outside.
chmodSync(place, 0o755);
const folder = join(place, "checkout");
// A temporary folder of its own, so that tsx finds nothing compiled by an earlier run.
const env = { ...process.env, TMPDIR: join(place, "tmp") };
const run = async (script: string, ...words: string[]) =>
  (await promisify(execFile)(join(folder, script), words, { env })).stdout;

let isCleaning = false;
async function cleanUp(): Promise<void> {
  if (isCleaning) return;
  isCleaning = true;
  await run("scripts/helm", "down").catch((error: Error) => console.error(error.message));
  rmSync(place, { recursive: true, force: true });
}
process.once("SIGINT", () => void cleanUp().then(() => process.exit(130)));

let report = "";
try {
  copyCheckout();
  const offset = String(await findFreeOffset());
  const freshMs = await time(() => run("scripts/start.sh", "--port-offset", offset));
  const againMs = await time(() => run("scripts/start.sh"));
  const statusMs = await time(() => run("scripts/helm", "status"));
  const downMs = await time(() => run("scripts/helm", "down"));
  const initialisedMs = await time(() => run("scripts/start.sh"));
  const services = await readIdle();
  const server = await measureServer();
  const times = { freshMs, initialisedMs, againMs, statusMs, downMs, ...server.times };
  report = [timeTable(times), memoryTable(services), server.report].join("\n\n");
} finally {
  await cleanUp();
}
// Only now: a reader who leaves early (`| head`) must not leave the platform running.
console.log(report);

/** The same with a real Keycloak instead of the embedded provider. */
async function measureServer(): Promise<{ times: Record<string, number>; report: string }> {
  const skip = keycloakServerSkip();
  if (skip !== false) return { times: {}, report: `real Keycloak: ${skip}` };
  await run("scripts/helm", "down");
  await run("scripts/helm", "config", "set", "keycloak.mode", "server");
  const firstServerMs = await time(() => run("scripts/start.sh"));
  await run("scripts/helm", "down");
  const serverMs = await time(() => run("scripts/start.sh"));
  const services = await readIdle();
  const title = "With a real Keycloak (`keycloak.mode server`):";
  const table = memoryTable(services, { hasGoals: false });
  return { times: { firstServerMs, serverMs }, report: `${title}\n\n${table}` };
}

async function readIdle(): Promise<readonly ServiceLine[]> {
  await pause(idleMs);
  return JSON.parse(await run("scripts/helm", "status", "--json")).services;
}

function copyCheckout(): void {
  mkdirSync(env.TMPDIR, { recursive: true });
  const options = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const listed = execFileSync("git", options, { cwd: root, encoding: "utf8" });
  const files = listed.split("\0").filter((name) => name !== "" && !name.startsWith("apps/"));
  for (const name of [...files, "node_modules"]) {
    const copying = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true };
    cpSync(join(root, name), join(folder, name), copying);
  }
}

async function time(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

function timeTable(times: Record<string, number>): string {
  const rows: [label: string, key: string, goal?: number][] = [
    ["fresh start, packages installed", "freshMs", goals.freshMs],
    ["start, everything initialised", "initialisedMs", goals.initialisedMs],
    ["first start with a real Keycloak: unpacked, built, tables made", "firstServerMs"],
    ["start with a real Keycloak, everything initialised", "serverMs"],
    ["start.sh while all is running", "againMs"],
    ["helm status", "statusMs"],
    ["helm down", "downMs"],
  ];
  const measured = rows.filter(([, key]) => times[key] !== undefined);
  const lines = measured.map(([label, key, goal]) => {
    return `| ${label} | ${seconds(times[key])} | ${goal === undefined ? "" : seconds(goal)} |`;
  });
  return ["| time | measured | goal |", "|---|---:|---:|", ...lines].join("\n");
}

/** @param options.hasGoals they are for a platform without Java */
function memoryTable(services: readonly ServiceLine[], { hasGoals = true } = {}): string {
  const row = (label: string, bytes: number, goal: number) =>
    `| ${label} | ${formatMemory(bytes)} | ${hasGoals ? formatMemory(goal) : ""} |`;
  const lines = services.map(({ name, state, processes = 1, memoryBytes = 0 }) => {
    const notes = [
      ...(state === "ready" ? [] : [state]),
      ...(processes === 1 ? [] : [`${processes} processes`]),
    ];
    const label = notes.length === 0 ? name : `${name} (${notes.join(", ")})`;
    return row(label, memoryBytes, processes * goals.perProcessBytes);
  });
  const together = services.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, 0);
  lines.push(row("together", together, goals.togetherBytes));
  return ["| resident memory, idle | measured | goal |", "|---|---:|---:|", ...lines].join("\n");
}

function seconds(ms = 0): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
