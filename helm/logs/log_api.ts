import type { Context, Handler } from "@hivematrix/lib/router";
import { type FoundLines, findLines, type LogSearchParts } from "./find_lines.ts";
import { formatPlace } from "./log_cursor.ts";
import { type LogQuery, readLogQuery } from "./log_query.ts";
import { readShownLine } from "./shown_line.ts";

/**
 * GET /api/logs?q=&level=&service=&since=&until=&request=&n=: lines, the newest first. `older` and
 * `newer` are values for `before=` and `after=`, where there is such a page. `looked_to` is a time where
 * the search has stopped there, with or without lines; the next page goes on from it.
 */
export function listLogs(parts: LogSearchParts): Handler<Context> {
  return async (_request, { url }) => {
    const query = readLogQuery(url.searchParams);
    const found = await findLines(parts, query);
    const { older, newer } = readPlaces(query, found);
    const lines = found.lines.map(({ atMs, line, service, level, requestId, traceId, user }) => ({
      time: new Date(atMs).toISOString(),
      service,
      level,
      request_id: requestId,
      trace_id: traceId,
      user,
      text: readShownLine(service, line, { nowMs: atMs }).text,
      line,
    }));
    const source = found.isFromFiles ? "files" : "database";
    return Response.json(
      { lines, older, newer, source, looked_to: readLookedTo(found) },
      { headers: { "cache-control": "no-store" } },
    );
  };
}

/** Where the pages beside this one begin; `undefined` where there is none. */
export function readPlaces(
  { cursor }: Pick<LogQuery, "cursor">,
  { lines, hasMore, stoppedAt, isFromFiles }: FoundLines,
): { older: string | undefined; newer: string | undefined } {
  const isBackwards = cursor?.direction === "newer";
  // Where there are no lines, the way back begins with the very line that this search went on from.
  const origin = cursor && { ...cursor, id: cursor.id + (isBackwards ? 1 : -1) };
  const first = (isBackwards ? stoppedAt : undefined) ?? lines[0] ?? origin;
  const last = (isBackwards ? undefined : stoppedAt) ?? lines.at(-1) ?? origin;
  // Whoever comes from an older page can go back there.
  const hasOlder = isBackwards || hasMore;
  const hasNewer = isBackwards ? hasMore : cursor !== undefined;
  return {
    older: hasOlder && !isFromFiles && last !== undefined ? formatPlace(last) : undefined,
    newer: hasNewer && !isFromFiles && first !== undefined ? formatPlace(first) : undefined,
  };
}

/** How far was looked, where that is not to the end. */
export function readLookedTo({ stoppedAt }: Pick<FoundLines, "stoppedAt">): string | undefined {
  return stoppedAt && new Date(stoppedAt.atMs).toISOString();
}
