// Helm's daemon: keeps the services running and serves the dashboard and the control API. The
// command line starts it ("helm up --detach"), and it outlives the terminal.
import { createLog, exitOnFailure, writeToStandardOutput } from "@hivematrix/lib/log";
import { createCheckout } from "./config/checkout.ts";
import { closeOnceOnSignal, startDaemon } from "./control/daemon.ts";
import { createSourceNames } from "./control/source_stacks.ts";
import { readAppRegistry } from "./install/app_registry.ts";

const nameSources = createSourceNames(process.argv[1] ?? "");
const log = createLog("helm", {
  write: (line, level) => writeToStandardOutput(nameSources(line), level),
});
exitOnFailure(log);

const starting = startDaemon({
  checkout: createCheckout(),
  registry: readAppRegistry(),
  log,
  isDev: process.argv.includes("--dev"),
});
closeOnceOnSignal(starting);
const { platform, ended } = await starting;
log.info("listening", { address: platform.address });
await ended;
log.info("stopped");
process.exit(0);
