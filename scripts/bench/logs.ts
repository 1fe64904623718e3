// The log store of a running Helm: a million lines of ten services through their files into a real
// PostgreSQL, then searches through the daemon. Says what it measured as a table.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort, PostgresProcess } from "@hivematrix/lib/postgres_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import postgres from "postgres";
import { createCheckout } from "../../helm/config/checkout.ts";
import { saveMasterConfig } from "../../helm/config/master_config.ts";
import { compiledCommand } from "../../helm/config/node_command.ts";
import { compileProgram } from "../../helm/control/compiled_daemon.ts";
import { connectDaemon } from "../../helm/control/control_client.ts";
import { makeConfig } from "../../helm/testing.ts";
import { makeLines, rareWord } from "./logs/lines.ts";

const wantedLines = Number(process.argv[2] ?? 1_000_000);
/** Written at once; less than rotation leaves in the files. */
const linesPerRound = 20_000;
const beganAtMs = Date.now() - wantedLines * 100 - 60_000;

const server = await PostgresProcess.start();
const root = mkdtempSync(join(tmpdir(), "helm-bench-"));
const checkout = createCheckout(root);
let daemon: ChildProcess | undefined;
try {
  daemon = await startDaemon();
  const pid = daemon.pid ?? 0;
  const sql = await openHelmDatabase();
  const idle = memoryOf(pid);
  const fill = await fillStore(sql, pid);
  await report("memory of the daemon, idle before", `${idle} MB`);
  await report("lines stored", String(fill.lines));
  await report(
    "lines a second, as long as there are some",
    String(Math.round(fill.lines / fill.seconds)),
  );
  await report(
    "CPU of the daemon for each line",
    `${Math.round((fill.cpuSeconds / fill.lines) * 1e6)} µs`,
  );
  await report("memory of the daemon, most while filling", `${fill.mostMb} MB`);
  const [size] = await sql`
    select pg_database_size(current_database()) / 1e6 as all, pg_relation_size('log_lines') / 1e6 as lines,
      coalesce(pg_relation_size(to_regclass('log_lines_search')), 0) / 1e6 as text`;
  await report(
    "database",
    `${Math.round(size?.["all"])} MB, of it lines ${Math.round(size?.["lines"])}, text index ${Math.round(size?.["text"])}`,
  );
  await search(fill.requestId);
  await report("memory of the daemon, afterwards", `${memoryOf(pid)} MB`);
  await sql.end();
} finally {
  daemon?.kill("SIGTERM");
  if (daemon?.exitCode === null) await once(daemon, "exit");
  await server.stop();
  rmSync(root, { recursive: true, force: true });
}

async function startDaemon(): Promise<ChildProcess> {
  for (const app of ["core", "nexus", "helm", "template", "keycloak"]) {
    mkdirSync(checkout.appFolder(app), { recursive: true });
  }
  mkdirSync(checkout.logDir, { recursive: true });
  const config = structuredClone(makeConfig()) as {
    databases: { postgresql: object };
    apps: Record<string, { port: number }>;
  };
  const port = Number(new URL(server.url).port);
  const admin = { admin_user: "postgres", admin_password: "trusted" };
  config.databases.postgresql = { mode: "external", host: "127.0.0.1", port, ...admin };
  (config.apps["helm"] ?? { port: 0 }).port = await findFreePort();
  await saveMasterConfig(checkout, config as unknown as ReturnType<typeof makeConfig>);
  // As Helm is started (helm/control/spawn_daemon.ts).
  const program = join(root, "daemon.mjs");
  await compileProgram(join(import.meta.dirname, "logs", "daemon.ts"), program);
  symlinkSync(join(import.meta.dirname, "..", "..", "node_modules"), join(root, "node_modules"));
  const [node, ...words] = compiledCommand("helm", program);
  const log = openSync(join(checkout.logDir, "helm.log"), "a");
  const child = spawn(node, [...words, root], {
    stdio: ["ignore", log, log],
    env: { PATH: process.env["PATH"] },
  });
  await waitFor(() => connectDaemon(checkout), { timeoutMs: 30_000, what: "the daemon" });
  return child;
}

async function openHelmDatabase() {
  const url = Object.assign(new URL(server.url), { pathname: "/helm_db" }).href;
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const isThere = () =>
    sql`select 1 from pg_indexes where indexname = 'log_lines_trace'`.catch(() => []);
  await waitFor(async () => (await isThere()).length > 0, {
    timeoutMs: 60_000,
    what: "its tables",
  });
  return sql;
}

async function fillStore(sql: postgres.Sql, pid: number) {
  const countLines = async () =>
    Number(
      (await sql`select sum(line_count) as lines from log_batches where service <> 'helm'`)[0]?.[
        "lines"
      ] ?? 0,
    );
  const cpuBefore = cpuSecondsOf(pid);
  let seconds = 0;
  let mostMb = 0;
  let requestId = "";
  for (let first = 0; first < wantedLines; first += linesPerRound) {
    const lines = makeLines(first, linesPerRound, beganAtMs);
    const someLine = lines.get("nexus")?.[7] ?? "{}";
    if (first < wantedLines / 3) requestId = JSON.parse(someLine).request_id;
    const startedAt = performance.now();
    for (const [service, own] of lines) {
      appendFileSync(
        join(checkout.logDir, `${service}.log`),
        own.map((line) => `${line}\n`).join(""),
      );
    }
    await waitFor(
      async () => {
        mostMb = Math.max(mostMb, memoryOf(pid));
        return (await countLines()) >= first + linesPerRound;
      },
      { timeoutMs: 120_000, what: `${first + linesPerRound} stored lines` },
    );
    seconds += (performance.now() - startedAt) / 1000;
    if (process.stderr.isTTY) process.stderr.write(`\r${first + linesPerRound} lines`);
  }
  return {
    lines: await countLines(),
    seconds,
    mostMb,
    requestId,
    cpuSeconds: cpuSecondsOf(pid) - cpuBefore,
  };
}

async function search(requestId: string): Promise<void> {
  const client = await connectDaemon(checkout);
  const middle = (minutes: number) =>
    new Date(beganAtMs + (wantedLines * 100) / 2 + minutes * 60_000).toISOString();
  const questions: Record<string, Record<string, string>> = {
    "the newest lines": {},
    "a common word": { q: "request" },
    "a word of one line in 200": { q: "cannot save" },
    "a word of one line in a million": { q: rareWord },
    "a part of a word of one line": { q: rareWord.slice(2, 7) },
    "two letters that no line has": { q: "q\u00e4" },
    "a word that no line has": { q: "mississippi" },
    "a number in many lines": { q: "duration_ms=7" },
    "service and level": { service: "ledger", level: "warn" },
    "service, level and a word that no line has": {
      service: "ledger",
      level: "error",
      q: "mississippi",
    },
    "a request's ID": { request: requestId },
    "ten minutes in the middle": { since: middle(0), until: middle(10) },
    "a word in ten minutes in the middle": { q: "invoices", since: middle(0), until: middle(10) },
  };
  for (const [name, parameters] of Object.entries(questions)) {
    const times: number[] = [];
    let found = 0;
    for (let round = 0; round < 5; round++) {
      const startedAt = performance.now();
      found = (await client?.logs(new URLSearchParams(parameters)))?.lines.length ?? 0;
      times.push(performance.now() - startedAt);
    }
    const [least = 0, most = 0] = [Math.min(...times), Math.max(...times)];
    await report(
      `search: ${name}`,
      `${Math.round(least)} to ${Math.round(most)} ms (${found} lines)`,
    );
  }
  await report(
    "search: two letters that no line has, on to the end",
    await searchToTheEnd("q\u00e4"),
  );
}

/** As `helm logs --grep` does where an answer has stopped on its way. */
async function searchToTheEnd(text: string): Promise<string> {
  const client = await connectDaemon(checkout);
  const query = new URLSearchParams({ q: text });
  const startedAt = performance.now();
  for (let answers = 1; ; answers++) {
    const older = (await client?.logs(query))?.older;
    if (older === undefined) {
      return `${Math.round(performance.now() - startedAt)} ms in ${answers} answers`;
    }
    query.set("before", older);
  }
}

async function report(what: string, value: string): Promise<void> {
  process.stdout.write(`| ${what} | ${value} |\n`);
}

function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1000);
}

/** User and system time, in seconds (proc(5): fields 14 and 15, in hundredths). */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
