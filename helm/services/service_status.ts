import type { Traffic } from "../figures/traffic.ts";

export type ServiceState =
  | "stopped"
  | "starting"
  | "ready"
  | "unhealthy"
  | "stopping"
  | "crash-looping";

/** What an operator sees of one service. */
export interface ServiceStatus {
  readonly name: string;
  readonly state: ServiceState;
  readonly pid?: number;
  readonly port?: number;
  /** ISO 8601. */
  readonly startedAt?: string;
  readonly uptimeSeconds?: number;
  /** It and its children. */
  readonly processes?: number;
  /** Resident memory of the process and its children; shared pages counted once. */
  readonly memoryBytes?: number;
  /** Share of one core, 0 to 100 × cores. */
  readonly cpuPercent?: number;
  /** Processor time that it and its children have used. */
  readonly cpuSeconds?: number;
  /** How often Helm restarted it by itself since it was last asked to start. */
  readonly restarts: number;
  /** Why it is not ready, in words; of a ready one, why its last restart has not come about. */
  readonly reason?: string;
  /** What its start is busy with, in words, where that takes a while: "building Keycloak 26.7.3". */
  readonly activity?: string;
  /** The process that serves in its place while it is restarted. */
  readonly standIn?: { readonly pid: number; readonly port: number };
  readonly dependencies: readonly string[];
  /** Its requests lately, where whoever asks wants to know. */
  readonly traffic?: Traffic;
}
