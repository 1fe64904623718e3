import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html, redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import type { Views } from "@hivematrix/lib/views";
import { formatLogLine } from "../control/log_line.ts";
import { readLastLines } from "../control/log_tail.ts";
import type { Platform } from "../control/platform.ts";
import { begin } from "./api.ts";
import { navigation } from "./navigation.ts";
import { serviceRow } from "./service_row.ts";

/** How much of a log a page shows. */
const shownLines = 200;

/** GET /: every service with its state. */
export function showServices(platform: Platform, views: Views): Handler<UserContext> {
  return async (_request, { link }) => {
    const { services, problem, environment } = await platform.status();
    return html(
      views.render("services", {
        script_url: link("/static/dashboard.js"),
        events_url: link("/api/services/events"),
        navigation: navigation(link, "/"),
        problem,
        environment,
        services: services.map((service) => withLinks(service.name, link, serviceRow(service))),
      }),
    );
  };
}

/** GET /services/:name: one service's state and the end of its log. */
export function showService(platform: Platform, views: Views): Handler<UserContext> {
  return async (_request, { link, params: { name = "" } }) => {
    const status = (await platform.status()).services.find((service) => service.name === name);
    if (status === undefined) throw new HttpError(404, `There is no service "${name}"`);
    const lines = await readLastLines(platform.checkout.logDir, name, shownLines);
    return html(
      views.render("service", {
        ...withLinks(name, link, serviceRow(status)),
        navigation: navigation(link, "/"),
        services_url: link("/"),
        started: status.startedAt ?? "–",
        restarts: status.restarts,
        dependencies: status.dependencies.join(", ") || "–",
        has_log: lines.length > 0,
        log: lines.map((line) => formatLogLine(line)).join("\n"),
      }),
    );
  };
}

/** POST /services/:name/:action from the page's own forms, back to where they are. */
export function actFromPage(platform: Platform): Handler<UserContext> {
  return async (_request, context) => {
    await begin(platform, context);
    return redirect(context.link("/"));
  };
}

function withLinks(name: string, link: UserContext["link"], row: object): object {
  const base = `/services/${encodeURIComponent(name)}`;
  return {
    ...row,
    page_url: link(base),
    start_url: link(`${base}/start`),
    stop_url: link(`${base}/stop`),
    restart_url: link(`${base}/restart`),
  };
}
