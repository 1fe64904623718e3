// A whole platform for tests: a copy of this checkout in a folder of its own, started as a user would.
import { type ExecFileException, execFile, execFileSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeNumberedFolder } from "@hivematrix/lib/folder_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { createCheckout } from "../helm/config/checkout.ts";
import { connectDaemon } from "../helm/control/control_client.ts";
import { findFreeOffset } from "../helm/testing.ts";

const root = join(import.meta.dirname, "..");

export interface CommandResult {
  readonly status: number;
  readonly output: string;
}

export interface Platform {
  /** The copy's folder. */
  readonly folder: string;
  /** What start.sh printed. */
  readonly output: string;
  /** The address that start.sh printed. */
  readonly origin: string;
  start(...options: string[]): Promise<CommandResult>;
  helm(...words: string[]): Promise<CommandResult>;
  /** What `helm status --json` shows, by service. */
  status(): Promise<Map<string, ServiceLine>>;
  /** A setting of the master configuration: `read("system.secret_key")`. */
  read(key: string): string;
}

export interface ServiceLine {
  readonly name: string;
  readonly state: string;
  readonly pid?: number;
  readonly port?: number;
  readonly memoryBytes?: number;
  readonly uptimeSeconds?: number;
  readonly restarts?: number;
}

/** Copies the checkout (tracked and new files) to where nothing of it has been started yet. */
export function copyCheckout(scope: TestScope): string {
  const folder = makeNumberedFolder("hivematrix-checkout");
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  // Closed to others, it would make root's PostgreSQL keep its data elsewhere, beyond the test.
  chmodSync(folder, 0o755);
  const options = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const listed = execFileSync("git", options, { cwd: root, encoding: "utf8" });
  for (const file of listed.split("\0").filter((name) => name !== "")) {
    cpSync(join(root, file), join(folder, file), { recursive: true });
  }
  // A clone knows which files are tracked, and "helm new" asks.
  for (const words of [
    ["init", "-q"],
    ["add", "--all"],
  ])
    execFileSync("git", words, { cwd: folder });
  // Installing the same packages again would take most of the test's time. They have to be the
  // right ones, or the copy's own install would replace what everybody uses.
  execFileSync(join(root, "scripts/install_packages.sh"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Starts a copy with start.sh on ports of its own; stopped with `helm down` when the test ends. */
export async function startPlatform(scope: TestScope, ...options: string[]): Promise<Platform> {
  return await startPlatformWith(scope, [], ...options);
}

/** The same with settings that are made before the first start, as by `helm config set`. */
export async function startPlatformWith(
  scope: TestScope,
  settings: readonly (readonly [key: string, value: string])[],
  ...options: string[]
): Promise<Platform> {
  const folder = copyCheckout(scope);
  const offset = await findFreeOffset();
  const run = (program: string, words: string[]) => runCommand(join(folder, program), words);
  const start = (...more: string[]) => run("scripts/start.sh", more);
  const helm = (...words: string[]) => run("scripts/helm", words);
  scope.after(() => helm("down"));
  const words = ["--port-offset", String(offset), ...options];
  if (settings.length > 0) {
    const { status, output } = await helm("init", ...words);
    if (status !== 0) throw new Error(`helm init ended with status ${status}:\n${output}`);
  }
  for (const [key, value] of settings) {
    const { status, output } = await helm("config", "set", key, value);
    if (status !== 0) throw new Error(`Cannot set ${key}:\n${output}`);
  }
  const { status, output } = await start(...words);
  if (status !== 0) throw new Error(`start.sh ended with status ${status}:\n${output}`);
  const origin = /https?:\/\/localhost:?\d*/.exec(output)?.[0];
  if (origin === undefined) throw new Error(`start.sh printed no address:\n${output}`);
  return {
    folder,
    output,
    origin,
    start,
    helm,
    async status() {
      // What `helm status` asks too, without a process for each question of a test that waits.
      const daemon = await connectDaemon(createCheckout(folder));
      const { services } =
        (await daemon?.status()) ??
        (JSON.parse((await helm("status", "--json")).output) as { services: ServiceLine[] });
      return new Map(services.map((line) => [line.name, line as ServiceLine]));
    },
    read(key) {
      const file = join(folder, "helm/instance/configs/master_config.json");
      let value: unknown = JSON.parse(readFileSync(file, "utf8"));
      for (const part of key.split(".")) value = (value as Record<string, unknown>)[part];
      return String(value);
    },
  };
}

/** Runs a program of the platform with both outputs in one text. */
export async function runCommand(
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return await new Promise((resolve) => {
    const options = { cwd: dirname(program), env: { ...process.env, NO_COLOR: "1", ...env } };
    execFile(program, words, options, (error: ExecFileException | null, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ status, output: stdout + stderr });
    });
  });
}
