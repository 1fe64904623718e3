import { formatLine } from "@hivematrix/lib/log_line";

/** A line, with its end, that Helm puts into a service's log where something of that is missing. */
export function formatNote(
  service: string,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
  nowMs: number = Date.now(),
): string {
  const time = new Date(nowMs).toISOString();
  return formatLine({ time, level: "warn", service, message }, fields, {});
}
