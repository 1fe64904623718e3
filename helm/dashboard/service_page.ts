import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Context, Handler } from "@hivematrix/lib/router";
import { readLastLines } from "../control/log_tail.ts";
import type { RangeHours } from "../figures/figure_range.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import { readHours } from "./figure_api.ts";
import { navigation } from "./navigation.ts";
import { readAccess } from "./service_access.ts";
import { serviceLinks } from "./service_links.ts";
import { formatLog } from "./service_log.ts";
import { servicePlots } from "./service_plots.ts";
import type { ServicePagesParts } from "./service_routes.ts";
import { serviceRow } from "./service_row.ts";

/** How much of a log a page shows; what comes is added to it. */
const shownLines = 200;

/** GET /services/:name: one service's state, figures and the end of its log. */
export function showService(parts: ServicePagesParts): Handler<UserContext> {
  const { platform, figures, views } = parts;
  return async (_request, { link, url, params: { name = "" } }) => {
    const { services } = await platform.status();
    const status = findService(services, name);
    const lines = await readLastLines(platform.checkout.logDir, name, shownLines);
    const query = `service=${encodeURIComponent(name)}`;
    return html(
      views.render("service", {
        ...serviceLinks(name, link),
        ...serviceRow(status, figures.trafficOf(name)),
        ...(await readAccess(platform, name)),
        ...figuresView(parts, { name, link, hours: readHours(url) }),
        navigation: navigation(link, "/"),
        state_script_url: link("/static/dashboard.js"),
        script_url: link("/static/service.js"),
        events_url: link("/api/services/events"),
        log_events_url: link(`/api/logs/events?${query}`),
        services_url: link("/"),
        logs_url: link(`/logs?${query}`),
        config_url: link("/config"),
        needs: linked(status.dependencies, services, link),
        needed_by: linked(
          services.flatMap((other) => (other.dependencies.includes(name) ? [other.name] : [])),
          services,
          link,
        ),
        has_log: lines.length > 0,
        log: formatLog(name, lines),
      }),
    );
  };
}

/** GET /services/:name/figures: the part of its page with the plots, by which the page renews them. */
export function showServiceFigures(parts: ServicePagesParts): Handler<UserContext> {
  const { platform, views } = parts;
  return async (_request, { link, url, params: { name = "" } }) => {
    findService((await platform.status()).services, name);
    const view = figuresView(parts, { name, link, hours: readHours(url) });
    return html(views.render("service_figures", view), {
      headers: { "cache-control": "no-store" },
    });
  };
}

function findService(services: readonly ServiceStatus[], name: string): ServiceStatus {
  const status = services.find((service) => service.name === name);
  if (status === undefined) throw new HttpError(404, `There is no service "${name}"`);
  return status;
}

function figuresView(
  { figures }: Pick<ServicePagesParts, "figures">,
  { name, link, hours }: { name: string; link: Context["link"]; hours: RangeHours },
): object {
  const base = `/services/${encodeURIComponent(name)}`;
  return {
    figures_url: link(`${base}/figures?hours=${hours}`),
    ranges: ([1, 24] as const).map((each) => ({
      url: link(each === 1 ? base : `${base}?hours=${each}`),
      label: each === 1 ? "Last hour" : "Last 24 hours",
      is_here: each === hours,
    })),
    plots: servicePlots(name, figures.rangeOf(name, hours)),
  };
}

/** Names as links to their pages; one that is provided elsewhere has none. */
function linked(
  names: readonly string[],
  services: readonly ServiceStatus[],
  link: Context["link"],
): object {
  const isHere = (name: string) => services.some((service) => service.name === name);
  const list = names.map((name) => ({
    name,
    url: isHere(name) ? serviceLinks(name, link).page_url : "",
  }));
  return { has: list.length > 0, list };
}
