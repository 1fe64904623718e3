import type { Route } from "@hivematrix/lib/router";
import { serviceNames } from "../config/service_names.ts";
import { listLogs } from "../logs/log_api.ts";
import { readLogQuery } from "../logs/log_query.ts";
import type { LogStreams } from "../logs/log_stream.ts";
import { type Guard, guardedBy } from "./guarded_route.ts";
import { type LogPagesParts, showLogs } from "./log_pages.ts";
import { showTrace, showTraceAsJson } from "./trace_pages.ts";

export interface LogRoutesParts extends LogPagesParts {
  readonly streams: LogStreams;
}

/** The services' logs and one request's way through them. @param admin lets administrators in */
export function logRoutes({ streams, ...parts }: LogRoutesParts, admin: Guard): Route[] {
  const follow = streams.handler(({ url }) => {
    const { services, ...filter } = readLogQuery(url.searchParams);
    const { level, text, request } = filter;
    return {
      services: services.length === 0 ? serviceNames(parts.platform.config) : services,
      filter: { level, text, request },
    };
  });
  const route = guardedBy(admin);
  return [
    route("GET", "/logs", showLogs(parts)),
    route("GET", "/api/logs", listLogs(parts)),
    route("GET", "/api/logs/events", follow),
    route("GET", "/trace/:id", showTrace(parts)),
    route("GET", "/api/trace/:id", showTraceAsJson(parts)),
  ];
}
