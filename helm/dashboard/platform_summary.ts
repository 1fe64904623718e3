import { formatMemory, formatPercent, formatRate } from "../control/figures.ts";
import type { Traffic } from "../figures/traffic.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import { formatErrors, none } from "./service_row.ts";

/** The whole platform in a sentence and a few figures. */
export interface PlatformSummary {
  /** BEM modifier of its alert. */
  readonly kind: "success" | "info" | "warning" | "error";
  readonly sentence: string;
  readonly cpu: string;
  readonly memory: string;
  readonly requests: string;
  readonly errors: string;
}

/** A service with what is known of its requests. */
export interface WatchedService {
  readonly status: ServiceStatus;
  readonly traffic: Traffic | undefined;
}

export function summarise(services: readonly WatchedService[]): PlatformSummary {
  const statuses = services.map(({ status }) => status);
  const traffic = services.flatMap((service) => service.traffic ?? []);
  const sum = (values: readonly (number | undefined)[]) =>
    values.reduce<number>((total, value) => total + (value ?? 0), 0);
  return {
    ...sentenceOf(statuses),
    cpu: formatPercent(sum(statuses.map(({ cpuPercent }) => cpuPercent))),
    memory: formatMemory(sum(statuses.map(({ memoryBytes }) => memoryBytes))),
    requests:
      traffic.length === 0
        ? none
        : formatRate(sum(traffic.map(({ requestsPerMinute }) => requestsPerMinute))),
    errors: formatErrors({
      requests: sum(traffic.map(({ requests }) => requests)),
      serverErrors: sum(traffic.map(({ serverErrors }) => serverErrors)),
    }),
  };
}

function sentenceOf(
  statuses: readonly ServiceStatus[],
): Pick<PlatformSummary, "kind" | "sentence"> {
  const others = statuses.filter(({ state }) => state !== "ready");
  const [first] = others;
  if (first === undefined) {
    const all =
      statuses.length === 1 ? "The only service is" : `All ${statuses.length} services are`;
    return { kind: "success", sentence: `${all} ready.` };
  }
  const kind = kindOf(others);
  if (others.length === 1) return { kind, sentence: `${describe(first)}.` };
  const count = `${others.length} of ${statuses.length} services are not ready`;
  return { kind, sentence: `${count}: ${others.map(describe).join("; ")}.` };
}

/** One that somebody has stopped is no fault. */
function kindOf(others: readonly ServiceStatus[]): PlatformSummary["kind"] {
  if (others.some(({ state }) => state === "crash-looping")) return "error";
  return others.every(({ state }) => state === "stopped") ? "info" : "warning";
}

/** `template is crash-looping: exit status 1` */
function describe({ name, state, reason = "", activity = "" }: ServiceStatus): string {
  const why = reason || activity;
  return `${name} is ${state}${why === "" ? "" : `: ${why.replace(/\.$/, "")}`}`;
}
