import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import type { ServiceDefinition } from "./service_definition.ts";
import { createManager, makeFolder, service, statusOf } from "./testing.ts";

/** Keeps nobody, but tells as if: what came of it is in `OUTCOME`, "dies" or "silent" is no outcome. */
const keeper = `const { writeFileSync } = require("fs");
  let asked = 0;
  const { OUTCOME, FILE } = process.env;
  const tell = (told) =>
    writeFileSync(FILE, JSON.stringify({ keeper: process.pid, asked, ...told }));
  process.on("SIGUSR2", () => {
    if (OUTCOME === "dies") process.exit(1);
    asked++;
    if (OUTCOME === "failed") console.error("SyntaxError: Unexpected token");
    if (OUTCOME !== "silent") tell({ outcome: OUTCOME, reason: "no new one listens" });
  });
  if (OUTCOME !== "not offered") tell({});
  require("http").createServer((request, response) => response.end("ok"))
    .listen(process.env.PORT, "127.0.0.1");`;

/** A manager with such a service, which is ready; `change` has another definition count from then on. */
async function startKeeper(scope: TestScope, outcome: string) {
  const file = path.join(await makeFolder(scope), "processes.json");
  const made = await service("web", keeper);
  const env = { ...made.env, OUTCOME: outcome, FILE: file };
  const kept = { file, address: "here" };
  let current: ServiceDefinition = { ...made, env, kept };
  const { manager } = await createManager(scope, [], { definitions: async () => [current] });
  await manager.startAll();
  await manager.waitUntilReady();
  return {
    manager,
    pid: (await statusOf(manager, "web")).pid,
    change: (part: Partial<ServiceDefinition>) => {
      current = { ...current, ...part };
    },
    env,
    kept,
  };
}

test("where a process replaces those that it keeps, it stays, and has the new settings", async (t) => {
  const { manager, pid, change, env } = await startKeeper(t, "replaced");
  change({ env: { ...env, LOG_LEVEL: "DEBUG" } });
  assert.deepEqual(await manager.restartOutdated(), ["web"]);
  assert.equal((await statusOf(manager, "web")).pid, pid);
  assert.deepEqual(await manager.restartOutdated(), [], "it has taken them up");
  await Promise.all([manager.restart("web"), manager.restart("web")]);
  assert.equal((await statusOf(manager, "web")).pid, pid);
});

test("where the new ones do not get ready, the error and the status say why, until that is mended", async (t) => {
  const { manager, pid } = await startKeeper(t, "failed");
  const reason =
    /^Error: Cannot restart web: what serves runs on as before, no new one listens, last error in the log: SyntaxError: Unexpected token$/;
  await assert.rejects(manager.restart("web"), reason);
  const status = await statusOf(manager, "web");
  assert.deepEqual([status.state, status.pid], ["ready", pid]);
  assert.match(
    status.reason ?? "",
    /^its restart failed: .*no new one listens, last error.*Unexpected token$/,
  );
  await manager.stop("web");
  await manager.start("web");
  assert.equal((await statusOf(manager, "web")).reason, undefined);
});

test("what cannot replace them, or is to be reached elsewhere, is restarted as a whole", async (t) => {
  for (const outcome of ["outdated", "not offered", "replaced"]) {
    const { manager, pid, change, kept } = await startKeeper(t, outcome);
    if (outcome === "replaced") change({ kept: { ...kept, address: "elsewhere" } });
    await manager.restart("web");
    await manager.waitUntilReady();
    assert.notEqual((await statusOf(manager, "web")).pid, pid, outcome);
  }
});

test("the end of the process, or a stop, ends a replacement that is under way", async (t) => {
  const dying = await startKeeper(t, "dies");
  const died = /^Error: Cannot restart web: it ended or was stopped meanwhile$/;
  await assert.rejects(dying.manager.restart("web"), died);
  const silent = await startKeeper(t, "silent");
  const restarted = assert.rejects(silent.manager.restart("web"), died);
  await silent.manager.stop("web");
  await restarted;
});
