// A Helm in a process that can be killed: starts the services that are given in SERVICES, with run
// files and logs in the folder that is its argument, and then does what standard input says.
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { createLog } from "@hivematrix/lib/log";
import { ServiceManager } from "./service_manager.ts";
import { readStandInPorts } from "./stand_in.ts";
import { type GivenService, onAnyPort, quickTimes } from "./testing.ts";

const folder = process.argv[2] ?? "";
const given = JSON.parse(process.env["SERVICES"] ?? "[]") as GivenService[];
const services = given.map(onAnyPort);
const runDir = `${folder}/run`;
const manager = new ServiceManager({
  definitions: async () => services,
  runDir,
  logDir: `${folder}/logs`,
  log: createLog("helm", { write: () => {} }),
  times: { ...quickTimes, takeUpMs: 100 },
  // What services.json is to a platform.
  announce: async () => {
    const ports = Object.fromEntries(await readStandInPorts(runDir));
    await writeFile(`${folder}/addresses.json`, JSON.stringify(ports));
  },
});
console.log("starting");
await manager.adopt();
await manager.startAll();
await manager.waitUntilReady();
console.log("ready");
for await (const line of createInterface(process.stdin)) {
  const [word = "", name = ""] = line.split(" ");
  if (word === "restart")
    void manager.restart(name).then(() => console.log("restarted"), console.log);
  if (word === "down") {
    await manager.stopAll();
    process.exit();
  }
}
