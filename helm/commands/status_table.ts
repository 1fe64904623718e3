import { formatDuration, formatMemory } from "../control/figures.ts";
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

/** A row for each service, and below it why it is not ready. */
export function statusTable(
  services: readonly ServiceStatus[],
  isColoured: boolean = hasColours(),
): string {
  const columns = ["service", "state", "pid", "port", "uptime", "memory"];
  const rows = services.map((service) => ({
    cells: cellsOf(service),
    colours: [undefined, colours[service.state]],
    note: service.reason ?? "",
  }));
  return formatTable(columns, rows, isColoured);
}

function cellsOf({ name, state, pid, port, uptimeSeconds, memoryBytes }: ServiceStatus): string[] {
  return [
    name,
    state,
    String(pid ?? "-"),
    String(port ?? "-"),
    uptimeSeconds === undefined ? "-" : formatDuration(uptimeSeconds),
    memoryBytes === undefined ? "-" : formatMemory(memoryBytes),
  ];
}
