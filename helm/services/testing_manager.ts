// A Helm for adoption.test.ts, in a process that can be killed: starts the services that are given
// in SERVICES, with run files and logs in the folder that is its argument.
import { createLog } from "@hivematrix/lib/log";
import { httpHealth } from "./health_check.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import { ServiceManager } from "./service_manager.ts";
import { quickTimes } from "./testing.ts";

const folder = process.argv[2] ?? "";
const given = JSON.parse(process.env["SERVICES"] ?? "[]") as ServiceDefinition[];
const services = given.map((service) => ({
  ...service,
  isReady: httpHealth(`http://127.0.0.1:${service.port}/health`),
}));
const manager = new ServiceManager({
  definitions: async () => services,
  runDir: `${folder}/run`,
  logDir: `${folder}/logs`,
  log: createLog("helm", { write: () => {} }),
  times: quickTimes,
});
console.log("starting");
await manager.startAll();
await manager.waitUntilReady();
console.log("ready");
