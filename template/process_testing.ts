// Runs the entries of this service as processes of their own, in a copy of the folder: settings are
// read from the folder, and the real one may belong to an installation.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatEnv } from "@hivematrix/lib/env_file";
import { makeNumberedFolder } from "@hivematrix/lib/folder_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";

const own = import.meta.dirname;
const notCopied = [".env", "instance", "services.json", "node_modules", ".git"];

export interface ServiceProcess {
  readonly child: ChildProcess;
  /** What it wrote to standard output and standard error. */
  output(): string;
  /** The field of the first log line that has the message. */
  logged(message: string, field: string): Promise<string>;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** A copy of this service's folder, under another name, that is removed when the test ends. */
export function copyService(scope: TestScope, name: string): string {
  const parent = makeNumberedFolder("hivematrix-copy");
  scope.after(() => rmSync(parent, { recursive: true, force: true, maxRetries: 20 }));
  const folder = join(parent, name);
  const filter = (path: string) => !notCopied.includes(basename(path));
  cpSync(own, folder, { recursive: true, filter });
  // The library is found as it is here: through a node_modules folder above.
  const lib = dirname(realpathSync(fileURLToPath(import.meta.resolve("@hivematrix/lib/log"))));
  mkdirSync(join(parent, "node_modules", "@hivematrix"), { recursive: true });
  symlinkSync(lib, join(parent, "node_modules", "@hivematrix", "lib"));
  return folder;
}

/** Writes `.env` and `instance/<service>.conf` as Helm does. */
export function configure(
  folder: string,
  env: Record<string, string>,
  connectionString?: string,
): void {
  writeFileSync(join(folder, ".env"), formatEnv(env), { mode: 0o600 });
  if (connectionString === undefined) return;
  const conf = `[database]\nconnection_string = ${connectionString}\ndb_name = test_db\n`;
  mkdirSync(join(folder, "instance"), { recursive: true });
  writeFileSync(join(folder, "instance", `${env["SERVICE_NAME"]}.conf`), conf);
}

/** Starts an entry (`main.ts`) as the supervisor does; it is gone when the test ends. */
export function startProcess(scope: TestScope, folder: string, entry: string): ServiceProcess {
  const tsx = import.meta.resolve("tsx");
  const child = spawn(process.execPath, ["--import", tsx, entry], {
    cwd: folder,
    // Nothing of the surrounding environment but what a program needs to run at all.
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  let hasEnded = false;
  const ended = once(child, "close").then(([status, signal]) => {
    hasEnded = true;
    return (status ?? signal) as number | string;
  });
  scope.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const logged = async (message: string, field: string) => {
    const find = () =>
      output
        .split("\n")
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .find((line) => line["message"] === message);
    const line = await waitFor(() => find() ?? (hasEnded ? "ended" : undefined), {
      what: `a log line "${message}"`,
    });
    if (line === "ended") throw new Error(`The process ended without "${message}":\n${output}`);
    return String(line[field]);
  };
  return { child, output: () => output, logged, ended };
}
