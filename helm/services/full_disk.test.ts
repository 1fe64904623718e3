import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { mountSmallDisk, skipWithoutMount } from "@hivematrix/lib/small_disk_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { rotateLog } from "./log_rotation.ts";
import { answering, createManager, service, statusOf, untilState } from "./testing.ts";

const skip = skipWithoutMount;

test("on a full disk services run on; one that is started tells the file, and starts when there is room", {
  skip,
}, async (t) => {
  const disk = mountSmallDisk(t, 262_144);
  const services = [await service("one", answering), await service("two", answering)];
  const { manager } = await createManager(t, services, { folder: disk.folder });
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid, port } = await statusOf(manager, "two");
  await manager.stop("one");
  disk.fill();
  await manager.start("one");
  const isTold = async () => {
    const { reason = "" } = await statusOf(manager, "one");
    return /run\/one\.json.*no space left/.test(reason);
  };
  await waitFor(isTold, { what: "the reason that names the file" });
  assert.equal((await statusOf(manager, "two")).pid, pid);
  assert.equal((await fetch(`http://127.0.0.1:${port}`)).status, 200);
  disk.free();
  // From whatever it is in by then, a crash loop too.
  await untilState(manager, "one", "ready");
});

test("on a disk that has become read-only services run on, and one that dies is tried on", {
  skip,
}, async (t) => {
  const disk = mountSmallDisk(t, 262_144);
  const { manager } = await createManager(t, [await service("one", answering)], {
    folder: disk.folder,
  });
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid = 0 } = await statusOf(manager, "one");
  // A file that is open for writing keeps the disk from it.
  process.kill(pid, "SIGKILL");
  await waitFor(() => remount(disk), { what: "a read-only disk" });
  const isTold = async () =>
    /read-only.*one\.(?:json|log)/.test((await statusOf(manager, "one")).reason ?? "");
  await waitFor(isTold, { what: "the reason that names the file" });
  disk.setReadOnly(false);
  await untilState(manager, "one", "ready");
});

test("a log that fills the disk is emptied although there is no room for a copy", { skip }, (t) => {
  const { folder } = mountSmallDisk(t, 131_072);
  const file = join(folder, "noisy.log");
  writeFileSync(`${file}.1`, "x".repeat(40_000));
  writeFileSync(file, "x".repeat(80_000));
  assert.throws(
    () => rotateLog(file, 60_000),
    /the disk is full, so it was emptied without a copy/,
  );
  assert.equal(statSync(file).size, 0);
  assert.deepEqual([existsSync(`${file}.1`), existsSync(`${file}.1.new`)], [false, false]);
  appendFileSync(file, "x".repeat(1000));
  rotateLog(file, 60_000);
  assert.equal(readFileSync(`${file}.1`, "utf8").length, 1000);
});

function remount(disk: ReturnType<typeof mountSmallDisk>): boolean {
  try {
    disk.setReadOnly(true);
    return true;
  } catch {
    return false;
  }
}
