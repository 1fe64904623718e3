import type { UserContext } from "@hivematrix/lib/auth";
import type { Handler, Route } from "@hivematrix/lib/router";
import { serviceNames } from "../config/service_names.ts";
import { listLogs } from "../logs/log_api.ts";
import { readLogQuery } from "../logs/log_query.ts";
import type { LogStreams } from "../logs/log_stream.ts";
import { type LogPagesParts, showLogs } from "./log_pages.ts";
import { showTrace, showTraceAsJson } from "./trace_pages.ts";

export interface LogRoutesParts extends LogPagesParts {
  readonly streams: LogStreams;
}

/** The services' logs and one request's way through them. @param admin lets administrators in */
export function logRoutes(
  { streams, ...parts }: LogRoutesParts,
  admin: (handler: Handler<UserContext>) => Handler,
): Route[] {
  const follow = streams.handler(({ url }) => {
    const { services, ...filter } = readLogQuery(url.searchParams);
    const { level, text, request } = filter;
    return {
      services: services.length === 0 ? serviceNames(parts.platform.config) : services,
      filter: { level, text, request },
    };
  });
  const get = (path: string, handler: Handler<UserContext>): Route => ({
    method: "GET",
    path,
    handler: admin(handler),
  });
  return [
    get("/logs", showLogs(parts)),
    get("/api/logs", listLogs(parts)),
    get("/api/logs/events", follow),
    get("/trace/:id", showTrace(parts)),
    get("/api/trace/:id", showTraceAsJson(parts)),
  ];
}
