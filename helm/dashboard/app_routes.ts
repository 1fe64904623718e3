import type { Route } from "@hivematrix/lib/router";
import type { AppPagesParts } from "./app_access.ts";
import {
  beginThroughApi,
  checkThroughApi,
  listThroughApi,
  showThroughApi,
  streamThroughApi,
} from "./app_api.ts";
import {
  checkFromPage,
  confirmUninstall,
  installFromForm,
  installFromPage,
  showApps,
  showOperation,
  uninstallFromPage,
  updateFromPage,
} from "./app_pages.ts";
import { type Guard, guardedBy } from "./guarded_route.ts";

/** The pages about apps, and their JSON twins. @param admin lets administrators in */
export function appRoutes(parts: AppPagesParts, admin: Guard): Route[] {
  const route = guardedBy(admin);
  return [
    route("GET", "/apps", showApps(parts)),
    route("POST", "/apps/check", checkFromPage(parts)),
    route("POST", "/apps/install", installFromForm(parts)),
    route("POST", "/apps/:name/install", installFromPage(parts)),
    route("POST", "/apps/:name/update", updateFromPage(parts)),
    route("GET", "/apps/:name/uninstall", confirmUninstall(parts)),
    route("POST", "/apps/:name/uninstall", uninstallFromPage(parts)),
    route("GET", "/operations/:id", showOperation(parts)),
    route("GET", "/api/apps", listThroughApi(parts)),
    route("POST", "/api/apps/check", checkThroughApi(parts)),
    route("POST", "/api/operations", beginThroughApi(parts)),
    route("GET", "/api/operations/:id", showThroughApi(parts)),
    route("GET", "/api/operations/:id/events", streamThroughApi(parts)),
  ];
}
