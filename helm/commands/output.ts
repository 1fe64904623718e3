// How the command line speaks: plain text, colours only for people at a terminal.
import { formatDuration, formatMemory } from "../control/figures.ts";
import type { PlatformStatus } from "../control/platform_status.ts";
import type { ServiceState, ServiceStatus } from "../services/service_status.ts";

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export type Colour = keyof typeof codes;

const stateColours: Readonly<Record<ServiceState, Colour>> = {
  stopped: "dim",
  starting: "yellow",
  ready: "green",
  unhealthy: "yellow",
  stopping: "yellow",
  "crash-looping": "red",
};

/** Whether colours are wanted: https://no-color.org, and never in a file or a pipe. */
export function hasColours(
  stream: { isTTY?: boolean } = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

export function paint(text: string, colour: Colour, isColoured = hasColours()): string {
  return isColoured ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

export function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

const columns = ["service", "state", "pid", "port", "uptime", "memory"] as const;

/** A row for each service, and below it why it is not ready. */
export function statusTable(
  services: readonly ServiceStatus[],
  isColoured: boolean = hasColours(),
): string {
  const rows = services.map(cellsOf);
  const widths = columns.map((name, i) =>
    Math.max(name.length, ...rows.map((cells) => (cells[i] ?? "").length)),
  );
  const line = (cells: readonly string[], colours: readonly (Colour | undefined)[] = []) =>
    cells
      .map((cell, i) => {
        const padded = cell.padEnd(widths[i] ?? 0);
        return colours[i] === undefined ? padded : paint(padded, colours[i], isColoured);
      })
      .join("  ")
      .trimEnd();
  const body = services.flatMap((service, i) => {
    const row = line(rows[i] ?? [], [undefined, stateColours[service.state]]);
    const hasReason = service.reason !== undefined && service.reason !== "";
    return hasReason ? [row, `  ${paint(service.reason ?? "", "dim", isColoured)}`] : [row];
  });
  return [line(columns.map((name) => name.toUpperCase())), ...body].join("\n");
}

/** What a person does next, once all is ready. */
export function welcome(
  { address, environment }: Pick<PlatformStatus, "address" | "environment">,
  user: { username: string; password: string },
): string[] {
  const isWellKnown = environment === "development" && user.password === "admin";
  const how = isWellKnown
    ? `with the password "${user.password}", and change it`
    : 'with the password from the first start (again: "helm config get keycloak.admin_password")';
  return [`HiveMatrix is ready: ${address}`, `Sign in as "${user.username}" ${how}.`];
}

function cellsOf(service: ServiceStatus): string[] {
  const { name, state, pid, port, uptimeSeconds, memoryBytes } = service;
  return [
    name,
    state,
    String(pid ?? "-"),
    String(port ?? "-"),
    uptimeSeconds === undefined ? "-" : formatDuration(uptimeSeconds),
    memoryBytes === undefined ? "-" : formatMemory(memoryBytes),
  ];
}
