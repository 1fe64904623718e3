import {
  formatDuration,
  formatMemory,
  formatMilliseconds,
  formatPercent,
  formatRate,
} from "../control/figures.ts";
import type { ServiceState, ServiceStatus } from "../services/service_status.ts";
import { type Colour, hasColours } from "./output.ts";
import { formatTable } from "./table.ts";

const colours: Readonly<Record<ServiceState, Colour>> = {
  stopped: "dim",
  starting: "yellow",
  ready: "green",
  unhealthy: "yellow",
  stopping: "yellow",
  "crash-looping": "red",
};

/** What all columns take; with less room, `--wide` leaves pid and port out. */
const widthForAll = 110;

export interface TableLook {
  readonly isColoured?: boolean;
  /** With the requests of the last minutes. */
  readonly isWide?: boolean;
  /** Of the terminal, in characters. */
  readonly width?: number | undefined;
}

/** A row for each service, and below it why it is not ready. */
export function statusTable(
  services: readonly ServiceStatus[],
  { isColoured = hasColours(), isWide = false, width = process.stdout.columns }: TableLook = {},
): string {
  const hasRoom = !isWide || width === undefined || width >= widthForAll;
  const columns = [...stateColumns, ...(hasRoom ? processColumns : []), ...usageColumns].concat(
    isWide ? trafficColumns : [],
  );
  const rows = services.map((service) => ({
    cells: columns.map(([, read]) => read(service) ?? "-"),
    colours: [undefined, colours[service.state]],
    note: service.reason ?? "",
  }));
  const names = columns.map(([name]) => name);
  return formatTable(names, rows, isColoured);
}

type Column = readonly [name: string, read: (service: ServiceStatus) => string | undefined];

const stateColumns: readonly Column[] = [
  ["service", ({ name }) => name],
  ["state", ({ state }) => state],
];

const processColumns: readonly Column[] = [
  ["pid", ({ pid }) => pid?.toString()],
  ["port", ({ port }) => port?.toString()],
];

const usageColumns: readonly Column[] = [
  ["uptime", ({ uptimeSeconds }) => shown(uptimeSeconds, formatDuration)],
  ["memory", ({ memoryBytes }) => shown(memoryBytes, formatMemory)],
  ["cpu", ({ cpuPercent }) => shown(cpuPercent, formatPercent)],
];

/** What came through Nexus: in the last minute, and of the last five. */
const trafficColumns: readonly Column[] = [
  ["req/min", ({ traffic }) => shown(traffic?.requestsPerMinute, formatRate)],
  ["failed", ({ traffic }) => shown(shareOfFailed(traffic), formatPercent)],
  ["p50", ({ traffic }) => shown(traffic?.latencyP50Ms, formatMilliseconds)],
  ["p95", ({ traffic }) => shown(traffic?.latencyP95Ms, formatMilliseconds)],
  ["open", ({ traffic }) => traffic && String(traffic.open.requests + traffic.open.websockets)],
];

function shown(value: number | undefined, format: (value: number) => string): string | undefined {
  return value === undefined ? undefined : format(value);
}

/** In percent; 5xx only. */
function shareOfFailed(traffic: ServiceStatus["traffic"]): number | undefined {
  if (traffic === undefined || traffic.requests === 0) return undefined;
  return (traffic.serverErrors / traffic.requests) * 100;
}
