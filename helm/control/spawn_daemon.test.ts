import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { linkPackages } from "../commands/testing.ts";
import { signalProcess } from "../services/process_group.ts";
import { afterTest, makeCheckout } from "../testing.ts";
import { spawnDaemon } from "./spawn_daemon.ts";

const module = (path: string) => pathToFileURL(join(import.meta.dirname, path)).href;

test("a clock that is set while a daemon starts does not end its start", async (t) => {
  const checkout = await makeCheckout(t);
  await linkPackages(checkout.root);
  // As much of a daemon as whoever starts one looks for.
  const daemon = `
    import { createCheckout } from "${module("../config/checkout.ts")}";
    import { writeDaemonFile } from "${module("daemon_file.ts")}";
    import { readProcess } from "${module("../services/process_table.ts")}";
    const { startTime = "" } = (await readProcess(process.pid)) ?? {};
    const record = { pid: process.pid, startTime, port: 1, token: "" };
    await writeDaemonFile(createCheckout(${JSON.stringify(checkout.root)}), record);
    setInterval(() => {}, 1000);`;
  await writeFile(join(checkout.helmFolder, "package.json"), '{"type": "module"}');
  await writeFile(join(checkout.helmFolder, "main.ts"), daemon);
  const begin = Date.now();
  let hours = 0;
  t.mock.method(Date, "now", () => begin + hours++ * 3_600_000);
  const { pid } = await spawnDaemon(checkout, { isDev: false });
  afterTest(t, () => signalProcess(pid, "SIGKILL"));
  assert.notEqual(pid, process.pid);
});
