import type { UserContext } from "@hivematrix/lib/auth";
import { redirect } from "@hivematrix/lib/responses";
import type { Handler, Route } from "@hivematrix/lib/router";
import type { Views } from "@hivematrix/lib/views";
import type { Platform } from "../control/platform.ts";
import type { Figures } from "../figures/figures.ts";
import { actOnService, begin, listServices, streamServices } from "./api.ts";
import { listFigures, showFigures } from "./figure_api.ts";
import { type Guard, guardedBy } from "./guarded_route.ts";
import { showServices } from "./overview_page.ts";
import { serviceLinks } from "./service_links.ts";
import { showService, showServiceFigures } from "./service_page.ts";
import type { StatusFeed } from "./status_feed.ts";

export interface ServicePagesParts {
  readonly platform: Platform;
  readonly figures: Figures;
  readonly feed: StatusFeed;
  readonly views: Views;
}

/** The services: all of them, each by itself, and their JSON twins. @param admin lets administrators in */
export function serviceRoutes(parts: ServicePagesParts, admin: Guard): Route[] {
  const { platform, feed } = parts;
  const route = guardedBy(admin);
  const get = (path: string, handler: Handler<UserContext>) => route("GET", path, handler);
  const post = (path: string, handler: Handler<UserContext>) => route("POST", path, handler);
  return [
    get("/", showServices(parts)),
    get("/services/:name", showService(parts)),
    // Asked again and again by each open page.
    { ...get("/services/:name/figures", showServiceFigures(parts)), isQuiet: true },
    post("/services/:name/:action", actFromPage(platform)),
    get("/api/services", listServices(platform)),
    get("/api/services/events", streamServices(feed)),
    post("/api/services/:name/:action", actOnService(platform)),
    get("/api/figures", listFigures(parts)),
    get("/api/figures/:name", showFigures(parts)),
  ];
}

/** POST /services/:name/:action from the pages' own forms, back to the page that it came from. */
function actFromPage(platform: Platform): Handler<UserContext> {
  return async (request, context) => {
    const { name } = await begin(platform, context);
    const { page_url: page } = serviceLinks(name, context.link);
    const from = request.headers.get("referer") ?? "";
    const isFromPage = URL.canParse(from) && new URL(from).pathname === page;
    return redirect(isFromPage ? page : context.link("/"));
  };
}
