// What cannot be written: the error names the file, and what was there before is whole.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { afterTest, makeCheckout, makeConfig, registry } from "../testing.ts";
import { syncAll } from "./config_manager.ts";
import { setValue } from "./config_values.ts";
import { loadMasterConfig, type MasterConfig, saveMasterConfig } from "./master_config.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const base = makeConfig();
const changed = setValue(base, "system.log_level", "DEBUG") as MasterConfig;
const repository = join(import.meta.dirname, "..", "..");
/** A plain user, whom permissions hold for. */
const nobody = 65_534;

test("a full disk leaves settings and files whole, and the error names the file", {
  skip: !isRoot && "skipped: only root can make a file system of a few pages",
}, async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base);
  await syncAll(checkout, base, registry);
  const configs = join(checkout.masterConfigFile, "..");
  await rm(configs, { recursive: true });
  await mkdir(configs);
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=40k", "tmpfs", configs]);
  } catch (error) {
    return t.skip(`skipped: no file system can be mounted here (${(error as Error).message})`);
  }
  afterTest(t, () => run("umount", [configs]));
  await saveMasterConfig(checkout, base);
  await fill(configs);
  const before = await readFile(checkout.masterConfigFile, "utf8");
  const message = /^Cannot write .*helm\/instance\/configs\/.*ENOSPC/;
  await assert.rejects(saveMasterConfig(checkout, changed), { message });
  assert.equal(await readFile(checkout.masterConfigFile, "utf8"), before);
  assert.deepEqual(await loadMasterConfig(checkout), base);
  const left = (await readdir(configs, { recursive: true })).filter((name) =>
    /\/?\.\w+/.test(name),
  );
  assert.deepEqual(
    left.filter((name) => !name.endsWith(".json")),
    [],
  );
});

test("a folder that may not be written leaves the file in it whole, for a plain user", async (t) => {
  const checkout = await makeCheckout(t);
  await saveMasterConfig(checkout, base);
  await syncAll(checkout, base, registry);
  const core = checkout.appFolder("core");
  const before = await readFile(join(core, ".env"), "utf8");
  await chmod(core, 0o500);
  afterTest(t, () => chmod(core, 0o700));
  const message = /Cannot write .*core\/\.env: .*EACCES/;
  if (isRoot) await assert.rejects(syncAsNobody(checkout.root), { message });
  else await assert.rejects(syncAll(checkout, changed, registry), { message });
  assert.equal(await readFile(join(core, ".env"), "utf8"), before);
});

/** Root may write everywhere, so another process tries as somebody who may not. */
async function syncAsNobody(root: string): Promise<void> {
  await run("chown", ["-R", `${nobody}`, root]);
  await chown(root, nobody, nobody);
  const program = `
    import { createCheckout } from "./helm/config/checkout.ts";
    import { syncAll } from "./helm/config/config_manager.ts";
    import { loadMasterConfig } from "./helm/config/master_config.ts";
    import { readAppRegistry } from "./helm/install/app_registry.ts";
    const checkout = createCheckout(process.argv[1]);
    const config = structuredClone(await loadMasterConfig(checkout));
    config.system.log_level = "DEBUG";
    // Read before: where the checkout is may be closed to that user.
    const apps = readAppRegistry().list();
    const registry = { list: () => apps, find: (id) => apps.find((app) => app.id === id) };
    process.setgid(${nobody});
    process.setuid(${nobody});
    await syncAll(checkout, config, registry);`;
  const words = ["--import", "tsx", "--input-type=module", "-e", program, root];
  try {
    await run(process.execPath, words, { cwd: repository });
  } catch (error) {
    throw new Error(String((error as { stderr?: string }).stderr));
  }
}

/** Until not a page is left. */
async function fill(folder: string): Promise<void> {
  for (let index = 0; index < 100; index++) {
    const file = join(folder, `filler${index}`);
    const isFull = await writeFile(file, "x".repeat(4096)).then(
      () => false,
      () => true,
    );
    if (isFull) return;
  }
  throw new Error(`${folder} does not get full`);
}
