import { readLogFields } from "../control/log_record.ts";
import { readShownLine, showText } from "../logs/shown_line.ts";

/** The end of a service's log as its page shows it; static/service.js writes what comes the same way. */
export function formatLog(service: string, lines: readonly string[]): string {
  return lines.map((line) => formatLine(service, line)).join("\n");
}

/** `20:41:07 warn  session check failed status=503`; a line that is not JSON as it is. */
function formatLine(service: string, line: string): string {
  if (readLogFields(line) === undefined) return showText(line);
  const { atMs, level, text } = readShownLine(service, line, { nowMs: Date.now() });
  return `${new Date(atMs).toISOString().slice(11, 19)} ${level.padEnd(5)} ${text}`;
}
