import type { ServiceStatus } from "../services/service_status.ts";

/** What an operator sees of the whole installation. */
export interface PlatformStatus {
  /** Where browsers find it. */
  readonly address: string;
  readonly environment: string;
  /** Services are restarted when their sources change. */
  readonly isDev: boolean;
  /** What is wrong with the master configuration, if anything: the services run on its last good state. */
  readonly problem?: string;
  readonly services: readonly ServiceStatus[];
}

/** Helm's own row among the services. */
export function helmStatus(port: number): ServiceStatus {
  const uptimeSeconds = process.uptime();
  return {
    name: "helm",
    state: "ready",
    pid: process.pid,
    port,
    startedAt: new Date(Date.now() - uptimeSeconds * 1000).toISOString(),
    uptimeSeconds,
    memoryBytes: process.memoryUsage.rss(),
    ...ownLoad(),
    restarts: 0,
    dependencies: [],
  };
}

let former = { at: 0, cpuSeconds: 0, cpuPercent: 0 };

/** What this process uses; the first load is the average over its life. */
function ownLoad(): { cpuPercent: number; cpuSeconds: number } {
  const { user, system } = process.cpuUsage();
  const cpuSeconds = (user + system) / 1e6;
  const at = process.uptime();
  if (at - former.at >= 0.5) {
    const share = (cpuSeconds - former.cpuSeconds) / (at - former.at);
    former = { at, cpuSeconds, cpuPercent: Math.round(share * 1000) / 10 };
  }
  return { cpuPercent: former.cpuPercent, cpuSeconds };
}
