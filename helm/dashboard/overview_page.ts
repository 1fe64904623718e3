import type { UserContext } from "@hivematrix/lib/auth";
import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { dependencyGraphs, describeDependencies } from "./dependency_graph.ts";
import { navigation } from "./navigation.ts";
import { summarise } from "./platform_summary.ts";
import { serviceLinks } from "./service_links.ts";
import type { ServicePagesParts } from "./service_routes.ts";
import { serviceRow } from "./service_row.ts";

/** GET /: every service with its state, what it uses, and what stands on what. */
export function showServices({
  platform,
  figures,
  views,
}: ServicePagesParts): Handler<UserContext> {
  return async (_request, { link }) => {
    const { services, problem, environment } = await platform.status();
    const watched = services.map((status) => {
      return { status, traffic: figures.trafficOf(status.name) };
    });
    return html(
      views.render("services", {
        script_url: link("/static/dashboard.js"),
        events_url: link("/api/services/events"),
        navigation: navigation(link, "/"),
        problem,
        environment,
        summary: summarise(watched),
        services: watched.map(({ status, traffic }) => ({
          ...serviceLinks(status.name, link),
          ...serviceRow(status, traffic),
        })),
        graphs: dependencyGraphs(services),
        dependencies: services.map(describeDependencies),
      }),
    );
  };
}
