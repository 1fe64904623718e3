// Helm's daemon with ten services that do nothing, for the benchmark of the logs; argv has the folder
// of the checkout.
import { createLog, exitOnFailure } from "@hivematrix/lib/log";
import { createCheckout } from "../../../helm/config/checkout.ts";
import { closeOnceOnSignal, startDaemon } from "../../../helm/control/daemon.ts";
import { readAppRegistry } from "../../../helm/install/app_registry.ts";
import { services } from "./lines.ts";

const [, , folder = ""] = process.argv;
const log = createLog("helm");
exitOnFailure(log);
const checkout = createCheckout(folder);
const definitions = async () =>
  services.map((name) => ({
    name,
    folder,
    command: ["sleep", "1000000"] as const,
    env: {},
    dependencies: [],
    port: 0,
    isReady: async () => true,
  }));
const starting = startDaemon({
  checkout,
  registry: readAppRegistry(),
  log,
  definitions,
  isDev: false,
});
closeOnceOnSignal(starting);
await (await starting).ended;
process.exit(0);
