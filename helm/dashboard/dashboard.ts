import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Auth } from "@hivematrix/lib/auth";
import { healthRoute } from "@hivematrix/lib/health";
import type { Log } from "@hivematrix/lib/log";
import type { Handler, Route } from "@hivematrix/lib/router";
import { createViews } from "@hivematrix/lib/views";
import type { Platform } from "../control/platform.ts";
import type { Figures } from "../figures/figures.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import type { InstallManager } from "../install/install_manager.ts";
import type { LogStore } from "../logs/log_store.ts";
import { LogStreams } from "../logs/log_stream.ts";
import { appRoutes } from "./app_routes.ts";
import { configRoutes } from "./config_routes.ts";
import { IdentityConnection } from "./identity_connection.ts";
import { logRoutes } from "./log_routes.ts";
import { Notices } from "./notices.ts";
import { ProposedChanges } from "./proposed_changes.ts";
import { serviceRoutes } from "./service_routes.ts";
import { endThroughApi, listAllSessions } from "./session_api.ts";
import { confirmEnd, endFromPage } from "./session_end_pages.ts";
import { showSessions } from "./session_pages.ts";
import { StatusFeed } from "./status_feed.ts";
import { userRoutes } from "./user_routes.ts";

export interface Dashboard {
  readonly routes: readonly Route[];
  /** Ends the event streams, which would last for ever. */
  close(): void;
}

export interface DashboardParts {
  readonly platform: Platform;
  readonly installs: InstallManager;
  readonly log: Log;
  readonly auth: Auth;
  readonly figures: Figures;
  readonly logs: LogStore;
}

/** Helm's pages and their JSON API, for administrators only; /health is open. */
export function createDashboard({
  platform,
  installs,
  log,
  auth,
  figures,
  logs,
}: DashboardParts): Dashboard {
  const admin = auth.adminUserRequired;
  const views = createViews(join(import.meta.dirname, "views"));
  const feed = new StatusFeed(platform, figures, log);
  const closing = new AbortController();
  const connection = new IdentityConnection(platform);
  const streams = new LogStreams(platform.checkout.logDir);
  const parts = { platform, views, notices: new Notices(), connection };
  const routes = [
    healthRoute("helm"),
    ...serviceRoutes({ platform, figures, feed, views }, admin),
    { method: "GET", path: "/sessions", handler: admin(showSessions(parts)) },
    { method: "GET", path: "/sessions/end", handler: admin(confirmEnd(parts)) },
    { method: "POST", path: "/sessions/end", handler: admin(endFromPage(parts)) },
    { method: "GET", path: "/api/sessions", handler: admin(listAllSessions(platform)) },
    { method: "DELETE", path: "/api/sessions", handler: admin(endThroughApi(platform)) },
    { method: "DELETE", path: "/api/sessions/:id", handler: admin(endThroughApi(platform)) },
    ...userRoutes(parts, admin),
    ...appRoutes({ ...parts, installs, closing: closing.signal }, admin),
    ...configRoutes(
      { ...parts, registry: readAppRegistry(), proposals: new ProposedChanges() },
      admin,
    ),
    ...logRoutes({ platform, views, logs, streams }, admin),
    ...scriptRoutes(admin),
  ];
  const close = () => {
    closing.abort();
    feed.close();
    streams.close();
    connection.close();
  };
  return { routes, close };
}

/** Every script of static/ under its own name. */
function scriptRoutes(admin: (handler: Handler) => Handler): Route[] {
  const folder = join(import.meta.dirname, "static");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".js"))
    .map((file) => ({
      method: "GET",
      path: `/static/${file}`,
      handler: admin(script(join(folder, file))),
    }));
}

function script(file: string): Handler {
  const text = readFileSync(file, "utf8");
  return () =>
    new Response(text, {
      headers: {
        "content-type": "text/javascript; charset=utf-8",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
      },
    });
}
