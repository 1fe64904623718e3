import type { ServiceStatus } from "./service_status.ts";

/** Whether waiting longer for one of these may help: some start has not failed yet. */
export function isHopeful(services: readonly ServiceStatus[]): boolean {
  const stuck = new Set<string>();
  // As often as there are services: who waits for a stuck one is stuck too.
  for (const _ of services) {
    for (const service of services) {
      const waitsForStuck = service.dependencies.some((name) => stuck.has(name));
      const hasFailed = service.state === "crash-looping" || service.state === "stopped";
      if (service.state !== "ready" && (hasFailed || waitsForStuck)) stuck.add(service.name);
    }
  }
  return services.some((service) => service.state !== "ready" && !stuck.has(service.name));
}

/**
 * `2 of 5 services are not ready: core is crash-looping (exit status 1 …); nexus is starting (…)`, of a
 * single service what it is.
 */
export function describeUnready(services: readonly ServiceStatus[]): string {
  const unready = services.filter((service) => service.state !== "ready");
  const each = unready.map(({ name, state, reason }) => {
    return `${name} is ${state}${reason === undefined ? "" : ` (${reason})`}`;
  });
  if (services.length === 1) return each.join();
  const verb = unready.length === 1 ? "is" : "are";
  return `${unready.length} of ${services.length} services ${verb} not ready: ${each.join("; ")}`;
}
