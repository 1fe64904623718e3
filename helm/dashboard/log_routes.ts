import type { UserContext } from "@hivematrix/lib/auth";
import type { Handler, Route } from "@hivematrix/lib/router";
import type { Views } from "@hivematrix/lib/views";
import { serviceNames } from "../config/service_names.ts";
import type { Platform } from "../control/platform.ts";
import { readLogQuery } from "../logs/log_query.ts";
import type { LogStore } from "../logs/log_store.ts";
import type { LogStreams } from "../logs/log_stream.ts";

export interface LogPagesParts {
  readonly platform: Pick<Platform, "config">;
  readonly views: Views;
  readonly logs: LogStore;
  readonly streams: LogStreams;
}

/** The services' logs and one request's way through them. @param admin lets administrators in */
export function logRoutes(
  { platform, streams }: LogPagesParts,
  admin: (handler: Handler<UserContext>) => Handler,
): Route[] {
  const follow = streams.handler(({ url }) => {
    const { services, ...filter } = readLogQuery(url.searchParams);
    const { level, text, request } = filter;
    return {
      services: services.length === 0 ? serviceNames(platform.config) : services,
      filter: { level, text, request },
    };
  });
  return [{ method: "GET", path: "/api/logs/events", handler: admin(follow) }];
}
