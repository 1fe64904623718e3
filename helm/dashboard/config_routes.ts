import type { Route } from "@hivematrix/lib/router";
import type { ConfigPagesParts } from "./config_access.ts";
import {
  applyThroughApi,
  explainThroughApi,
  historyThroughApi,
  listThroughApi,
  planThroughApi,
} from "./config_api.ts";
import { applyFromPage, proposeFromPage, showProposal } from "./config_change_pages.ts";
import { showConfigPage, showHistoryPage, showSettingPage, showValuePage } from "./config_pages.ts";
import { type Guard, guardedBy } from "./guarded_route.ts";

/** The pages about the settings, and their JSON twins. @param admin lets administrators in */
export function configRoutes(parts: ConfigPagesParts, admin: Guard): Route[] {
  const route = guardedBy(admin);
  return [
    route("GET", "/config", showConfigPage(parts)),
    route("GET", "/config/setting", showSettingPage(parts)),
    route("GET", "/config/value", showValuePage(parts)),
    route("GET", "/config/history", showHistoryPage(parts)),
    route("POST", "/config/propose", proposeFromPage(parts)),
    route("GET", "/config/proposals/:id", showProposal(parts)),
    route("POST", "/config/proposals/:id/apply", applyFromPage(parts)),
    route("GET", "/api/config", listThroughApi(parts)),
    route("POST", "/api/config", applyThroughApi(parts)),
    route("GET", "/api/config/explain", explainThroughApi(parts)),
    route("POST", "/api/config/plan", planThroughApi(parts)),
    route("GET", "/api/config/history", historyThroughApi(parts)),
  ];
}
