// A real embedded PostgreSQL for this folder's tests, under a real service manager.
import { chmod, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import postgres from "postgres";
import { createManager, makeFolder } from "../services/testing.ts";
import { type EmbeddedServer, postgresDefinition } from "./embedded_server.ts";

export const superuserPassword = "superuser-password-of-the-test";

/** Starts a server in a folder of its own; stopped and removed when the test ends. */
export async function startEmbeddedServer(
  scope: TestScope,
  overrides: Partial<EmbeddedServer> = {},
) {
  const folder = await makeOpenFolder(scope);
  const server = {
    dataDir: path.join(folder, "postgres"),
    port: await findFreePort(),
    password: superuserPassword,
    ...overrides,
  };
  const definition = await postgresDefinition(server);
  const { manager, readLog } = await createManager(scope, [definition], {
    folder,
    times: { healthIntervalMs: 500, healthTimeoutMs: 10_000, startLimitMs: 60_000 },
  });
  await manager.startAll();
  try {
    // initdb writes a thousand files; while other tests keep the disk busy that takes its time.
    await manager.waitUntilReady(undefined, 180_000);
  } catch (error) {
    // Outside of a test no hook would run, and the manager would keep this process alive.
    await manager.stopAll();
    manager.close();
    throw error;
  }
  const connect = (login: { user: string; password: string; database: string }) => {
    const sql = postgres({
      host: "127.0.0.1",
      port: server.port,
      ...login,
      max: 1,
      onnotice: () => {},
    });
    scope.after(() => sql.end({ timeout: 0 }));
    return sql;
  };
  const admin = { user: "postgres", password: server.password, database: "postgres" };
  return {
    ...server,
    definition,
    manager,
    connect,
    admin: connect(admin),
    readLog: () => readLog("postgres"),
  };
}

/** A temporary folder that a plain user may enter, unlike mkdtemp's own. */
export async function makeOpenFolder(scope: TestScope): Promise<string> {
  const folder = await makeFolder(scope);
  await chmod(folder, 0o755);
  return folder;
}

/** A folder that nobody but its owner may enter, as a checkout made with `mktemp -d` is. */
export async function makeClosedFolder(scope: TestScope): Promise<string> {
  const folder = path.join(await makeOpenFolder(scope), "closed");
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

export async function readText(...parts: string[]): Promise<string> {
  return readFile(path.join(...parts), "utf8");
}

export const isRoot = process.getuid?.() === 0;

export const onlyAsRoot = {
  skip: isRoot ? false : "only root has to run PostgreSQL as somebody else",
};
