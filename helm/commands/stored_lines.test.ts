import assert from "node:assert/strict";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { router } from "@hivematrix/lib/router";
import { serve } from "@hivematrix/lib/serve";
import { writeDaemonFile } from "../control/daemon_file.ts";
import { searchLogs } from "../control/log_search.ts";
import { logEnds } from "../control/log_tail.ts";
import { listLogs } from "../logs/log_api.ts";
import type { LogQuery } from "../logs/log_query.ts";
import type { LogStore } from "../logs/log_store.ts";
import { searchStored } from "../logs/stored_search.ts";
import { lineAt, startTestLogs, type TestLogs } from "../logs/testing.ts";
import { rotateLog } from "../services/log_rotation.ts";
import { readProcess } from "../services/process_table.ts";
import { makeConfig } from "../testing.ts";
import { findStoredLines } from "./stored_lines.ts";

test("what the files have lost comes from the database, and what they have does not come twice", async (t) => {
  const logs = await startTestLogs(t);
  const { checkout, logDir } = logs;
  const numbers = Array.from({ length: 30 }, (_, i) => i);
  await storeAndRotate(logs, numbers.slice(0, 10), 10);
  await storeAndRotate(logs, numbers.slice(10, 20), 20);
  logs.write("core", ...numbers.slice(20).map((i) => lineAt(i, `line ${i}`)));
  await serveLogs(t, logs);
  const names = ["core", "nexus"];
  const find = async (count: number, filter = {}) => {
    const stored = await findStoredLines({ checkout, names, filter, count });
    return stored.map(({ line }) => Number(/line (\d+)/.exec(line)?.[1]));
  };
  assert.deepEqual(await find(100), numbers.slice(0, 10));
  assert.deepEqual(await find(3), [7, 8, 9]);
  assert.deepEqual(await find(100, { text: "LINE 5" }), [5]);
  assert.deepEqual(await find(100, { level: "warn" }), []);
  const inFiles = await searchLogs(logDir, logEnds(logDir, names), { level: "debug" }, 100);
  assert.equal(inFiles.length, 20);
});

test("a search that stops on its way goes on by itself", async (t) => {
  const logs = await startTestLogs(t);
  const numbers = Array.from({ length: 10 }, (_, i) => i);
  await storeAndRotate(logs, numbers, 10);
  logs.write("core", ...numbers.map((i) => lineAt(10 + i, `other ${i}`)));
  await storeAndRotate(
    logs,
    numbers.map((i) => 20 + i),
    30,
  );
  const limits = { hasTextIndex: false, windowLines: 4, readingMs: 0 };
  const search = async (query: LogQuery) => await searchStored(logs.sql, query, limits);
  await serveLogs(t, logs, { search });
  const { checkout } = logs;
  const filter = { text: "e 1" };
  const found = await findStoredLines({ checkout, names: ["core"], filter, count: 9 });
  assert.deepEqual(
    found.map(({ line }) => JSON.parse(line).message),
    ["line 1"],
  );
});

test("without a Helm to ask only the files are searched, which is said", async (t) => {
  const logs = await startTestLogs(t);
  await storeAndRotate(logs, [1], 1);
  const told: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => told.push(text) > 0);
  const { checkout } = logs;
  const names = ["core"];
  assert.deepEqual(await findStoredLines({ checkout, names, filter: {}, count: 9 }), []);
  t.mock.restoreAll();
  const note = "Only the files were searched, which have the newest lines: Helm does not run\n";
  assert.deepEqual(told, [note]);
});

/** @param total of the lines that are stored then */
async function storeAndRotate(
  { write, startStore, waitForLines, logDir }: TestLogs,
  numbers: readonly number[],
  total: number,
): Promise<void> {
  write("core", ...numbers.map((i) => lineAt(i, `line ${i}`)));
  const store = startStore();
  await waitForLines(total);
  await store.close();
  rotateLog(join(logDir, "core.log"), 1e6);
}

/** What the command line asks of the daemon, served by this process. */
async function serveLogs(
  t: TestContext,
  logs: TestLogs,
  search?: Pick<LogStore, "search">,
): Promise<void> {
  const { checkout, log } = logs;
  const store = logs.startStore();
  await logs.waitForLines(30);
  const platform = { config: makeConfig(), checkout };
  const handler = listLogs({ platform, logs: search ?? store });
  const routes = [{ method: "GET", path: "/control/logs", handler }];
  const server = await serve(router(routes, { service: "helm", log }), { port: 0 });
  t.after(() => server.close());
  const startTime = (await readProcess(process.pid))?.startTime ?? "";
  const port = Number(server.url.port);
  await writeDaemonFile(checkout, { pid: process.pid, startTime, port, token: "token" });
}
