import { formatDuration, formatMemory } from "../control/figures.ts";
import type { ServiceState, ServiceStatus } from "../services/service_status.ts";

/** One service as the dashboard shows it; the page is rendered and later updated from the same fields. */
export interface ServiceRow {
  readonly name: string;
  readonly state: ServiceState;
  /** BEM modifier of its badge. */
  readonly badge: "success" | "warning" | "danger" | "neutral";
  readonly pid: string;
  readonly port: string;
  readonly uptime: string;
  readonly memory: string;
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

const none = "–";

export function serviceRow(status: ServiceStatus): ServiceRow {
  const { name, state, pid, port, uptimeSeconds, memoryBytes, reason } = status;
  const isOthers = name !== "helm";
  const isStopped = state === "stopped";
  return {
    name,
    state,
    badge: badges[state],
    pid: String(pid ?? none),
    port: String(port ?? none),
    uptime: uptimeSeconds === undefined ? none : formatDuration(uptimeSeconds),
    memory: memoryBytes === undefined ? none : formatMemory(memoryBytes),
    reason: state === "ready" ? "" : (reason ?? ""),
    can_start: isOthers && isStopped,
    can_stop: isOthers && !isStopped && !underTheDashboard.includes(name),
    can_restart: isOthers && !isStopped,
  };
}
