import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { publicOrigin } from "../config/public_origin.ts";
import { serviceDefinitions } from "../config/service_definitions.ts";
import type { AppRegistry } from "../install/app_registry.ts";
import { ageSeconds } from "../services/process_age.ts";
import { UsageMeter } from "../services/process_usage.ts";
import { isSameProcess, readRunFile } from "../services/run_file.ts";
import type { ServiceDefinition } from "../services/service_definition.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import type { PlatformStatus } from "./platform_status.ts";

const healthTimeoutMs = 2000;
const noHelm = 'nobody watches over it: Helm is not running, start it with "helm up"';

/** The state of an installation whose daemon is gone. Looks only, touches nothing. */
export async function readUnsupervisedStatus(
  checkout: Checkout,
  registry: AppRegistry,
): Promise<PlatformStatus> {
  const config = await loadMasterConfig(checkout);
  const databases = { ensure: async () => {} };
  const definitions = await serviceDefinitions(config, { checkout, registry, databases });
  const services = await Promise.all(definitions.map((each) => inspect(checkout, each)));
  const running = services.flatMap(({ pid, uptimeSeconds = 0 }) =>
    pid === undefined ? [] : [{ pid, uptimeSeconds }],
  );
  const usages = await new UsageMeter().measure(running);
  const port = config.apps["helm"]?.port;
  const helm = { name: "helm", state: "stopped", restarts: 0, dependencies: [] } as const;
  return {
    address: publicOrigin(config),
    environment: config.system.environment,
    isDev: false,
    services: [
      ...services.map((status) => ({ ...status, ...usages.get(status.pid ?? 0) })),
      { ...helm, ...(port !== undefined && { port }) },
    ],
  };
}

async function inspect(checkout: Checkout, definition: ServiceDefinition): Promise<ServiceStatus> {
  const { name, port, dependencies, isReady } = definition;
  const common = { name, restarts: 0, dependencies, ...(port !== undefined && { port }) };
  const record = await readRunFile(checkout.runDir, name);
  if (record === undefined || !(await isSameProcess(record))) {
    return { ...common, state: "stopped" };
  }
  const isWell = await isReady(AbortSignal.timeout(healthTimeoutMs)).catch(() => false);
  const { pid, startedAt } = record;
  const uptimeSeconds = ageSeconds(record);
  const state = isWell ? "ready" : "unhealthy";
  return { ...common, state, pid, startedAt, uptimeSeconds, reason: noHelm };
}
