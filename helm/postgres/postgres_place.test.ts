import assert from "node:assert/strict";
import { lstat, readdir, realpath, rm } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
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

test(
  "in a checkout closed to others root keeps the data outside, behind a link",
  onlyAsRoot,
  async (t) => {
    const dataDir = path.join(await makeClosedFolder(t), "postgres");
    const outside = path.join(await makeOpenFolder(t), "outside");
    const { admin } = await startEmbeddedServer(t, { dataDir, outside });
    assert.equal((await admin`select 1`).length, 1);
    assert.ok((await lstat(dataDir)).isSymbolicLink());
    const real = await realpath(dataDir);
    assert.ok(real.startsWith(await realpath(outside)));
    assert.match(await readText(path.dirname(real), "README"), new RegExp(dataDir));
    // Asked again, as by the next Helm, it is the same place.
    assert.equal((await postgresPlace({ dataDir, outside })).dataDir, real);
  },
);

test("a link to data that is gone is an error and no empty database", onlyAsRoot, async (t) => {
  const dataDir = path.join(await makeClosedFolder(t), "postgres");
  const outside = path.join(await makeOpenFolder(t), "outside");
  const place = await postgresPlace({ dataDir, outside });
  await prepareDataFolder(place, superuserPassword);
  await rm(place.dataDir, { recursive: true, force: true, maxRetries: 20 });
  await assert.rejects(postgresPlace({ dataDir, outside }), /leads to .* which is gone/);
});

test(
  "to decide leaves nothing behind, neither in the checkout nor outside",
  onlyAsRoot,
  async (t) => {
    const closed = await makeClosedFolder(t);
    const outside = path.join(await makeOpenFolder(t), "outside");
    const place = await postgresPlace({
      dataDir: path.join(closed, "instance", "postgres"),
      outside,
    });
    assert.ok(place.dataDir.startsWith(outside));
    assert.deepEqual(await readdir(closed), []);
    await assert.rejects(lstat(outside), { code: "ENOENT" });
  },
);
