import { databaseIsAway } from "@hivematrix/lib/database_errors";
import { HttpError } from "@hivematrix/lib/http_error";
import { serviceNames } from "../config/service_names.ts";
import { readLogRecord } from "../control/log_record.ts";
import { searchLogs } from "../control/log_search.ts";
import { logEnds } from "../control/log_tail.ts";
import type { LogQuery } from "./log_query.ts";
import type { LoggedPlatform, LogStore } from "./log_store.ts";
import type { FoundLine, FoundPage } from "./stored_search.ts";

export interface FoundLines extends FoundPage {
  /** The files have the newest lines only, and no pages. */
  readonly isFromFiles: boolean;
}

export interface LogSearchParts {
  readonly platform: LoggedPlatform;
  readonly logs: Pick<LogStore, "search">;
}

/** What is asked for of the stored lines; while the database is away, of those in the files. */
export async function findLines(
  { platform, logs }: LogSearchParts,
  query: LogQuery,
): Promise<FoundLines> {
  try {
    return { ...(await logs.search(query)), isFromFiles: false };
  } catch (error) {
    const isAway = databaseIsAway(error) || (error instanceof HttpError && error.status === 503);
    if (!isAway) throw error;
    return { lines: await findInFiles(platform, query), hasMore: false, isFromFiles: true };
  }
}

async function findInFiles(
  { config, checkout }: LoggedPlatform,
  { services, count, untilMs = Number.POSITIVE_INFINITY, cursor: _, ...filter }: LogQuery,
): Promise<FoundLine[]> {
  const names = services.length === 0 ? serviceNames(config) : services;
  const found = await searchLogs(checkout.logDir, logEnds(checkout.logDir, names), filter, count);
  return found
    .filter(({ atMs }) => atMs <= untilMs)
    .reverse()
    .map(({ service, line, atMs }, index) => {
      const { level, requestId, traceId } = readLogRecord(line) ?? { level: "info" };
      return { id: -index, atMs, service, level, requestId, traceId, user: undefined, line };
    });
}
