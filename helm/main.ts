// Helm's daemon: keeps the services running and serves the dashboard and the control API. The
// command line starts it ("helm up --detach"), and it outlives the terminal.
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { createCheckout } from "./config/checkout.ts";
import { startDaemon } from "./control/daemon.ts";
import { readAppRegistry } from "./install/app_registry.ts";

const log = createLog("helm");
exitOnFailure(log);

const daemon = await startDaemon({
  checkout: createCheckout(),
  registry: readAppRegistry(),
  log,
  isDev: process.argv.includes("--dev"),
});
log.info("listening", { address: daemon.platform.address });
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => void daemon.close({ keepServices: false }));
}
await daemon.ended;
log.info("stopped");
process.exit(0);
