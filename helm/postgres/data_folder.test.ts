import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { pollUntil } from "../services/pause.ts";
import { prepareDataFolder } from "./data_folder.ts";
import { postgresPlace } from "./postgres_place.ts";
import {
  makeClosedFolder,
  makeOpenFolder,
  onlyAsRoot,
  readText,
  startEmbeddedServer,
  superuserPassword,
} from "./testing.ts";

test("an initdb that is killed leaves no half data folder, and the next start makes a whole one", async (t) => {
  const folder = await makeOpenFolder(t);
  const dataDir = path.join(folder, "postgres");
  const program = `
    import { postgresPlace } from ${JSON.stringify(path.join(import.meta.dirname, "postgres_place.ts"))};
    import { prepareDataFolder } from ${JSON.stringify(path.join(import.meta.dirname, "data_folder.ts"))};
    await prepareDataFolder(await postgresPlace({ dataDir: ${JSON.stringify(dataDir)} }), "x");`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    detached: true,
    stdio: "inherit",
  });
  const group = child.pid ?? 0;
  t.after(() => signalQuietly(-group));
  const isUnderWay = async () => {
    const [unfinished] = (await readdir(folder)).filter((name) => name.includes(".new-"));
    const made = path.join(folder, unfinished ?? "", "data", "PG_VERSION");
    return unfinished !== undefined && (await stat(made).catch(() => undefined)) !== undefined;
  };
  assert.ok(await pollUntil(isUnderWay, { timeoutMs: 20_000, longestMs: 10 }));
  const gone = once(child, "exit");
  signalQuietly(-group);
  await gone;
  assert.ok(!(await readdir(folder)).includes("postgres"));

  const { admin } = await startEmbeddedServer(t, { dataDir });
  assert.equal((await admin`select 1`).length, 1);
  assert.deepEqual(await readdir(folder), ["postgres"]);
});

test("a folder that holds something else is not overwritten", async (t) => {
  const dataDir = path.join(await makeOpenFolder(t), "postgres");
  await mkdir(dataDir);
  await writeFile(path.join(dataDir, "something"), "else");
  await assert.rejects(
    prepareDataFolder(await postgresPlace({ dataDir }), "x"),
    /Cannot make the data folder .*postgres: it holds something /,
  );
  assert.deepEqual(await readdir(dataDir), ["something"]);
});

test("binaries that the plain user cannot reach are copied and work", onlyAsRoot, async (t) => {
  const folder = await makeOpenFolder(t);
  const dataDir = path.join(folder, "postgres");
  const { binaries, ...place } = await postgresPlace({ dataDir });
  // As npm leaves them when root's umask is 077.
  const closed = path.join(await makeClosedFolder(t), "native");
  await promisify(execFile)("cp", ["-r", binaries, closed]);
  await promisify(execFile)("chmod", ["-R", "go-rwx", closed]);
  const copy = { ...place, binaries: path.join(folder, "postgresql-x"), copyFrom: closed };
  await prepareDataFolder(copy, superuserPassword);
  assert.equal((await readText(dataDir, "PG_VERSION")).trim(), "18");
  assert.deepEqual((await readdir(folder)).sort(), ["postgres", "postgresql-x"]);
});

function signalQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
