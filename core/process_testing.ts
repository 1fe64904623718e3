// For tests: Core as a process of its own, to be stopped, continued and killed.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatEnv } from "@hivematrix/lib/env_file";
import { makeNumberedFolder } from "@hivematrix/lib/folder_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";

// The entry reads its own folder, which in an installation holds real settings and keys. So each
// test runs a copy of it, in a folder laid out like a checkout.

export const env = {
  SERVICE_NAME: "core",
  PORT: "0",
  SECRET_KEY: "a secret key",
  KEYCLOAK_BACKEND_URL: "http://127.0.0.1:9",
  KEYCLOAK_REALM: "hivematrix",
  KEYCLOAK_CLIENT_ID: "core-client",
  KEYCLOAK_CLIENT_SECRET: "c",
};

export function copyCore(t: TestScope, settings: Record<string, string> = env): string {
  const root = makeNumberedFolder("hivematrix-core-main");
  t.after(() => rmSync(root, { recursive: true, force: true, maxRetries: 20 }));
  symlinkSync(join(import.meta.dirname, "..", "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  const folder = join(root, "core");
  mkdirSync(join(folder, "instance"), { recursive: true });
  for (const name of readdirSync(import.meta.dirname)) {
    const isSource = /\.(ts|sql)$/.test(name) && !name.endsWith(".test.ts");
    if (isSource) cpSync(join(import.meta.dirname, name), join(folder, name));
  }
  writeFileSync(join(folder, ".env"), formatEnv(settings));
  return folder;
}

interface Line {
  readonly level: string;
  readonly message: string;
  readonly url?: string;
  readonly kid?: string;
}

export interface RunningCore {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly lines: () => Line[];
  /** Resolves once it listens. */
  listening(): Promise<string>;
  readonly exited: Promise<unknown[]>;
}

export function run(t: TestScope, folder: string, cwd = folder): RunningCore {
  const entry = join(folder, "main.ts");
  const child = spawn(process.execPath, ["--import", "tsx", entry], {
    cwd,
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const lines = () =>
    output
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
  const listening = async () => {
    const found = await waitFor(
      () => lines().find(({ message }) => message === "listening") ?? child.exitCode !== null,
      { timeoutMs: 30_000, what: "Core to listen" },
    );
    assert.ok(typeof found === "object", output);
    return found.url ?? "";
  };
  return { process: child, output: () => output, lines, listening, exited };
}

export const post = (url: string, path: string, body: object) =>
  fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
