import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import {
  findRequests,
  type RequestTrace,
  type Span,
  traceRequest,
} from "../control/request_trace.ts";
import { findLines } from "../logs/find_lines.ts";
import { requestPattern } from "../logs/log_query.ts";
import type { FoundLine } from "../logs/stored_search.ts";
import type { LogPagesParts } from "./log_pages.ts";
import { logRow } from "./log_row.ts";
import { navigation } from "./navigation.ts";

/** More lines than one request ever has. */
const maxLines = 1000;
/** Of the drawing, whatever it is wide on the screen. */
const drawnWidth = 1000;

/** GET /trace/:id: one request through Nexus and every service that it touched. */
export function showTrace(parts: LogPagesParts): Handler<UserContext> {
  return async (_request, { params: { id = "" }, link }) => {
    const { requests, trace, lines, isFromFiles } = await findTrace(parts, id);
    const data = {
      navigation: navigation(link, "/logs"),
      logs_url: link(`/logs?request=${encodeURIComponent(id)}`),
      id,
      is_from_files: isFromFiles,
      requests: requests.length > 1 && {
        list: requests.map((request) => ({ request, url: link(`/trace/${request}`) })),
      },
      trace: requests.length === 1 && trace && describeTrace(trace, lines, link),
      is_missing: trace === undefined,
    };
    return html(parts.views.render("trace", data), { status: trace === undefined ? 404 : 200 });
  };
}

/** GET /api/trace/:id: its spans and whatever else was logged on the way. */
export function showTraceAsJson(parts: LogPagesParts): Handler<UserContext> {
  return async (_request, { params: { id = "" } }) => {
    const { requests, trace } = await findTrace(parts, id);
    if (trace === undefined) throw new HttpError(404, `No log has a line of request "${id}"`);
    if (requests.length > 1) {
      throw new HttpError(409, `${requests.length} requests begin with "${id}"`, {
        fields: { requests },
      });
    }
    return Response.json(trace, { headers: { "cache-control": "no-store" } });
  };
}

async function findTrace(parts: LogPagesParts, id: string) {
  if (!requestPattern.test(id)) throw new HttpError(404, `"${id}" is no request's ID`);
  const found = await findLines(parts, { services: [], request: id, count: maxLines });
  const lines = found.lines.toReversed();
  const requests = findRequests(lines, id);
  const trace = traceRequest(lines, requests[0] ?? id);
  return { requests, trace, lines, isFromFiles: found.isFromFiles };
}

function describeTrace(
  { requestId, traceId, spans, notes }: RequestTrace,
  lines: readonly FoundLine[],
  link: UserContext["link"],
): object {
  const startMs = Math.min(...spans.map((span) => span.startMs));
  const endMs = Math.max(...spans.map((span) => span.startMs + span.durationMs));
  const wholeMs = Math.max(1, endMs - startMs);
  return {
    request_id: requestId,
    trace_id: traceId,
    began: spans.length > 0 && new Date(startMs).toISOString().slice(0, 23).replace("T", " "),
    took: `${wholeMs} ms`,
    has_spans: spans.length > 0,
    spans: spans.map((span) => ({
      ...span,
      depth: Math.min(depthOf(span, spans), 4),
      after: `${span.startMs - startMs} ms`,
      took: `${span.durationMs} ms`,
      badge: span.status >= 500 ? "danger" : span.status >= 400 ? "warning" : "success",
      x: Math.round(((span.startMs - startMs) / wholeMs) * drawnWidth),
      width: Math.max(6, Math.round((span.durationMs / wholeMs) * drawnWidth)),
    })),
    has_notes: notes.length > 0,
    notes: lines.filter((line) => notes.includes(line)).map((line) => logRow(line, link)),
  };
}

/** In how many others it lies; of two with the same times the first holds the second. */
function depthOf(span: Span, spans: readonly Span[]): number {
  const end = ({ startMs, durationMs }: Span) => startMs + durationMs;
  const before = spans.slice(0, spans.indexOf(span));
  return before.filter((other) => other.startMs <= span.startMs && end(other) >= end(span)).length;
}
