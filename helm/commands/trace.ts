import type { Checkout } from "../config/checkout.ts";
import { formatLogLine } from "../control/log_line.ts";
import { inOrder, searchLogs } from "../control/log_search.ts";
import { logEnds } from "../control/log_tail.ts";
import {
  findRequests,
  type RequestTrace,
  type Span,
  traceRequest,
} from "../control/request_trace.ts";
import { chooseServices } from "./logs.ts";
import { print } from "./output.ts";
import { findStoredLines } from "./stored_lines.ts";
import { formatTable } from "./table.ts";

/** More lines than one request ever has. */
const maxLines = 10_000;

/**
 * `helm trace <request>`: what each service did for one request, and when.
 *
 * @throws {Error} when the logs have nothing of it, or the beginning of its ID means several
 */
export async function trace(
  checkout: Checkout,
  request: string,
  { isJson }: { isJson: boolean },
): Promise<void> {
  const { logDir } = checkout;
  const names = await chooseServices(checkout);
  const filter = { request };
  const lines = inOrder([
    ...(await findStoredLines({ checkout, names, filter, count: maxLines })),
    ...(await searchLogs(logDir, logEnds(logDir, names), filter, maxLines)),
  ]);
  const ids = findRequests(lines, request);
  if (ids.length > 1) {
    const shown = ids.slice(0, 5).join(", ");
    throw new Error(`Cannot trace ${request}: ${ids.length} requests begin so, such as ${shown}`);
  }
  const found = traceRequest(lines, ids[0] ?? request);
  if (found === undefined) {
    throw new Error(
      `Cannot trace ${request}: no log has a line of it; logs are kept for a while only, and a request is in them once it has been answered`,
    );
  }
  print(isJson ? JSON.stringify(found, null, 2) : describeTrace(found, process.stdout.columns));
}

/** @param width of the terminal; 80 when there is none */
export function describeTrace(
  { requestId, traceId, spans, notes }: RequestTrace,
  width = 80,
): string {
  const head = `Request ${requestId}${traceId === undefined ? "" : `, trace ${traceId}`}`;
  const services = notes.map(({ service }) => service.length);
  const column = Math.max(0, ...services);
  const lines = notes.map(({ service, line }) => formatLogLine(line, service, column));
  return [head, spans.length > 0 && describeSpans(spans, width), lines.join("\n")]
    .filter((part) => part !== false && part !== "")
    .join("\n\n");
}

function describeSpans(spans: readonly Span[], width: number): string {
  const startMs = Math.min(...spans.map((span) => span.startMs));
  const endMs = Math.max(...spans.map((span) => span.startMs + span.durationMs));
  const columns = ["service", "request", "status", "after", "took"];
  const rows = spans.map((span) => [
    span.service,
    shorten(`${span.method} ${span.path}`, Math.max(20, width - 52)),
    String(span.status),
    `${span.startMs - startMs} ms`,
    `${span.durationMs} ms`,
  ]);
  const table = formatTable(
    columns,
    rows.map((cells) => ({ cells })),
  ).split("\n");
  const barColumn = Math.max(...table.map((line) => line.length)) + 2;
  const room = Math.min(40, width - barColumn);
  if (room < 8) return table.join("\n");
  return table
    .map((line, i) => {
      const span = spans[i - 1];
      if (span === undefined) return line;
      return line.padEnd(barColumn) + bar(span, { startMs, endMs, room });
    })
    .join("\n");
}

/** Where in the whole time this one was at work. */
function bar(
  { startMs, durationMs }: Span,
  whole: { startMs: number; endMs: number; room: number },
): string {
  const perMs = whole.room / Math.max(1, whole.endMs - whole.startMs);
  const before = Math.min(whole.room - 1, Math.floor((startMs - whole.startMs) * perMs));
  const length = Math.max(1, Math.round(durationMs * perMs));
  return " ".repeat(before) + "━".repeat(Math.min(length, whole.room - before));
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
