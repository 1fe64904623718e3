import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { UsageMeter } from "./process_usage.ts";

test("memory and load of a service include its children", async (t) => {
  // The shell itself is small and idle; what counts happens in its child.
  const program = "const kept = Buffer.alloc(60e6, 1); console.log(kept.length); for (;;);";
  const child = spawn("sh", ["-c", `"$0" -e '${program}'; true`, process.execPath], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const pid = child.pid ?? 0;
  t.after(() => process.kill(-pid, "SIGKILL"));
  await once(child.stdout, "data");

  const usage = (await new UsageMeter().measure([{ pid, uptimeSeconds: 0.1 }])).get(pid);
  assert.ok((usage?.memoryBytes ?? 0) > 60e6, `${usage?.memoryBytes} bytes`);
  assert.ok((usage?.cpuPercent ?? 0) > 0);
  assert.equal(usage?.processes, 2);
});

test("a process that is gone has no usage", async () => {
  assert.equal((await new UsageMeter().measure([{ pid: 2 ** 30, uptimeSeconds: 1 }])).size, 0);
});
