// For tests: Nexus as the supervisor starts it, a process that may have others.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  cpSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { makeNumberedFolder } from "@hivematrix/lib/folder_testing";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";

const root = dirname(import.meta.dirname);

// Groups of their own would outlive a test file that is ended from outside.
const running = new Set<number>();
process.once("exit", () => {
  for (const pid of running) killGroup(pid);
});
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => process.exit(1));

export interface NexusProcess {
  readonly origin: string;
  /** With several processes, the one that keeps them. */
  readonly child: ChildProcess;
  /** Exit status and signal, when nothing holds its output any more: no worker either. */
  readonly exited: Promise<unknown[]>;
  output(): string;
  /** What it has logged. */
  lines(): readonly { readonly message: string; readonly [field: string]: unknown }[];
  readonly errors: Promise<string>;
  /** The processes that serve, when there are several. */
  workerPids(): number[];
  /** @throws {Error} with what it has printed */
  listening(): Promise<void>;
}

/** Settings with which Nexus starts; nobody answers at the other addresses. */
export async function processSettings(): Promise<Record<string, string>> {
  const port = String(await findFreePort());
  return {
    SERVICE_NAME: "nexus",
    PORT: port,
    NEXUS_SERVICE_URL: `http://127.0.0.1:${port}`,
    CORE_SERVICE_URL: "http://127.0.0.1:1",
    KEYCLOAK_SERVER_URL: `http://127.0.0.1:${port}/keycloak`,
    KEYCLOAK_BACKEND_URL: "http://127.0.0.1:1",
    KEYCLOAK_REALM: "hivematrix",
    KEYCLOAK_CLIENT_ID: "core-client",
    KEYCLOAK_CLIENT_SECRET: "the-client-secret",
    SECRET_KEY: "the-secret-key",
    SERVICE_SECRET: "the-service-secret",
  };
}

/** A copy of the folder that has no settings of its own, laid out like a checkout. */
export function copyNexus(scope: TestScope, services: object = {}): string {
  const checkout = makeNumberedFolder("hivematrix-nexus-main");
  scope.after(() => rmSync(checkout, { recursive: true, force: true, maxRetries: 20 }));
  const isSource = (path: string) => !/\/(?:instance|\.env|services\.json)$/.test(path);
  for (const name of ["nexus", "lib", "package.json", "tsconfig.json"]) {
    cpSync(join(root, name), join(checkout, name), { recursive: true, filter: isSource });
  }
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  const folder = join(checkout, "nexus");
  writeFileSync(join(folder, "services.json"), JSON.stringify(services));
  return folder;
}

/** Runs main.ts, in a process group of its own; every process of it is gone when the test ends. */
export function startNexusProcess(
  scope: TestScope,
  env: Readonly<Record<string, string>>,
  folder = copyNexus(scope),
): NexusProcess {
  // Into a file, as the supervisor does: to a pipe several processes write whole lines only by luck.
  const logFile = join(folder, `log-${randomUUID()}`);
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, ["--import", "tsx", "main.ts"], {
    cwd: folder,
    env: { PATH: process.env["PATH"], ...env },
    detached: true,
    stdio: ["ignore", log, "pipe"],
  });
  closeSync(log);
  const { pid = 0 } = child;
  running.add(pid);
  const exited = once(child, "close");
  scope.after(async () => {
    killGroup(pid);
    await exited;
    running.delete(pid);
  });
  const output = () => readFileSync(logFile, "utf8");
  const lines = () =>
    output()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return {
    origin: env["NEXUS_SERVICE_URL"] ?? "",
    child,
    exited,
    output,
    lines,
    errors: text(child.stderr as Readable),
    // tsx may have a child too, which compiles.
    workerPids: () => childrenOf(pid).filter((pid) => readCommand(pid).includes("main.ts")),
    async listening() {
      const isDone = () => output().includes('"listening"') || child.exitCode !== null;
      await waitFor(isDone, { timeoutMs: 60_000, what: "Nexus to listen" });
      if (child.exitCode !== null) throw new Error(`Nexus ended at its start: ${output()}`);
    },
  };
}

/** A group outlives its leader for as long as it has a member. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}

function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function childrenOf(pid: number): number[] {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return listed.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
