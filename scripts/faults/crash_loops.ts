// What services in a crash loop cost: the CPU time of Helm's daemon and of the attempts, and how the logs
// grow, with none, one and several of them on a whole platform:
//   node --import tsx scripts/faults/crash_loops.ts [--services 10] [--seconds 60]
// Figures as JSON on standard output, per minute.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { waitFor } from "@hivematrix/lib/wait_for";
import { createScope } from "../bench/sessions/scope.ts";
import { type Platform, startPlatform } from "../platform_testing.ts";

const { values } = parseArgs({
  options: {
    services: { type: "string", default: "10" },
    seconds: { type: "string", default: "60" },
  },
});
/** The delays before the sixth attempt, with what an attempt takes: from then on it is the longest one. */
const settleMs = 40_000;
/** Linux counts CPU time in these (USER_HZ). */
const ticksPerSecond = 100;

const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const platform = await startPlatform(scope, "--no-tls");
  const names = Array.from({ length: Number(values.services) }, (_, index) => `loop${index}`);
  const figures = [await measure(platform, [])];
  for (const broken of [names.slice(0, 1), names]) {
    for (const name of broken) await breakService(platform, name);
    await sleep(settleMs);
    figures.push(await measure(platform, broken));
  }
  console.log(JSON.stringify(figures, undefined, 2));
} finally {
  await scope.end();
}
process.exit();

/** Makes a service, unless it is there, of which every start fails. */
async function breakService(platform: Platform, name: string): Promise<void> {
  if ((await platform.status()).has(name)) return;
  console.error(`making ${name}`);
  const { status, output } = await platform.helm("new", name);
  if (status !== 0) throw new Error(output);
  const main = join(platform.folder, "apps", name, "main.ts");
  writeFileSync(main, 'console.error("Error: this service is broken");\nprocess.exit(3);\n');
  process.kill((await platform.status()).get(name)?.pid ?? 0, "SIGKILL");
  const isLooping = async () => (await platform.status()).get(name)?.state === "crash-looping";
  await waitFor(isLooping, { timeoutMs: 60_000, what: `${name} to be in a crash loop` });
}

async function measure(platform: Platform, broken: readonly string[]) {
  const pid = (await platform.status()).get("helm")?.pid ?? 0;
  const minutes = Number(values.seconds) / 60;
  const before = await look(platform, pid, broken);
  await sleep(Number(values.seconds) * 1000);
  const after = await look(platform, pid, broken);
  const perMinute = (one: number, other: number) => Number(((other - one) / minutes).toFixed(2));
  return {
    services: broken.length,
    starts: perMinute(before.starts, after.starts),
    daemonCpuSeconds: perMinute(before.own, after.own),
    attemptsCpuSeconds: perMinute(before.children, after.children),
    serviceLogBytes: perMinute(before.serviceLogBytes, after.serviceLogBytes),
    helmLogBytes: perMinute(before.helmLogBytes, after.helmLogBytes),
  };
}

async function look(platform: Platform, pid: number, broken: readonly string[]) {
  const [own, children] = readCpuSeconds(pid);
  const status = await platform.status();
  const restartsOf = (name: string) => status.get(name)?.restarts ?? 0;
  const sizeOf = (name: string) =>
    statSync(join(platform.folder, `helm/instance/logs/${name}.log`)).size;
  const sum = (of: (name: string) => number) => broken.reduce((total, name) => total + of(name), 0);
  const serviceLogBytes = sum(sizeOf);
  return { own, children, starts: sum(restartsOf), serviceLogBytes, helmLogBytes: sizeOf("helm") };
}

/** Of a process, and of those of its children that have ended (proc(5): fields 14 to 17). */
function readCpuSeconds(pid: number): [own: number, children: number] {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const ticks = (at: number) => Number(fields[at - 3]) / ticksPerSecond;
  return [ticks(14) + ticks(15), ticks(16) + ticks(17)];
}
