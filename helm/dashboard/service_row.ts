import {
  formatDuration,
  formatMemory,
  formatPercent,
  formatRate,
  formatTime,
} from "../control/figures.ts";
import type { Traffic } from "../figures/traffic.ts";
import type { ServiceState, ServiceStatus } from "../services/service_status.ts";

/** One service as the dashboard shows it; the page is rendered and later updated from the same fields. */
export interface ServiceRow {
  readonly name: string;
  readonly state: ServiceState;
  /** BEM modifier of its badge. */
  readonly badge: "success" | "warning" | "danger" | "neutral";
  readonly pid: string;
  readonly port: string;
  readonly started: string;
  readonly uptime: string;
  readonly cpu: string;
  readonly memory: string;
  /** A minute, lately. */
  readonly requests: string;
  /** Answered with 5xx, of the last five minutes' requests. */
  readonly errors: string;
  readonly restarts: string;
  readonly reason: string;
  readonly can_start: boolean;
  readonly can_stop: boolean;
  readonly can_restart: boolean;
}

const badges: Readonly<Record<ServiceState, ServiceRow["badge"]>> = {
  stopped: "neutral",
  starting: "warning",
  ready: "success",
  unhealthy: "warning",
  stopping: "warning",
  "crash-looping": "danger",
};

/** Without these the dashboard itself is out of reach, so it offers to restart them but not to stop them. */
const underTheDashboard = ["postgres", "keycloak", "core", "nexus"];

export const none = "–";

export function badgeOf(state: ServiceState): ServiceRow["badge"] {
  return badges[state];
}

/** @param traffic `undefined` where nothing is known of its requests */
export function serviceRow(status: ServiceStatus, traffic?: Traffic): ServiceRow {
  const { name, state, pid, port, uptimeSeconds, memoryBytes, cpuPercent, reason } = status;
  const isOthers = name !== "helm";
  const isStopped = state === "stopped";
  return {
    name,
    state,
    badge: badges[state],
    pid: String(pid ?? none),
    port: String(port ?? none),
    started: status.startedAt === undefined ? none : formatTime(new Date(status.startedAt)),
    uptime: uptimeSeconds === undefined ? none : formatDuration(uptimeSeconds),
    cpu: cpuPercent === undefined ? none : formatPercent(cpuPercent),
    memory: memoryBytes === undefined ? none : formatMemory(memoryBytes),
    requests: traffic === undefined ? none : formatRate(traffic.requestsPerMinute),
    errors: formatErrors(traffic),
    restarts: String(status.restarts),
    reason: reason ?? "",
    can_start: isOthers && isStopped,
    can_stop: isOthers && !isStopped && !underTheDashboard.includes(name),
    can_restart: isOthers && !isStopped,
  };
}

/** The share of requests that failed; nothing is said where there was none. */
export function formatErrors(
  traffic: Pick<Traffic, "requests" | "serverErrors"> | undefined,
): string {
  if (traffic === undefined || traffic.requests === 0) return none;
  return formatPercent((traffic.serverErrors / traffic.requests) * 100);
}
