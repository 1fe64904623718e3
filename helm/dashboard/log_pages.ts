import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import type { Views } from "@hivematrix/lib/views";
import { serviceNames } from "../config/service_names.ts";
import { type FoundLines, findLines, type LogSearchParts } from "../logs/find_lines.ts";
import { readLookedTo, readPlaces } from "../logs/log_api.ts";
import { type LogQuery, readLogQuery } from "../logs/log_query.ts";
import { keepTogether } from "./further_lines.ts";
import { logRow } from "./log_row.ts";
import { navigation } from "./navigation.ts";

export interface LogPagesParts extends LogSearchParts {
  readonly views: Views;
}

/** GET /logs: a form, and the lines that it asks for, the newest first. */
export function showLogs(parts: LogPagesParts): Handler<UserContext> {
  const { platform, views } = parts;
  return async (_request, { url, link }) => {
    const { searchParams: params } = url;
    const { query, found, problem, status } = await findKindly(parts, params);
    const { older, newer } = query && found ? readPlaces(query, found) : {};
    const lookedTo = found && readLookedTo(found);
    const isBackwards = query?.cursor?.direction === "newer";
    const pageLink = (name: string, place: string | undefined) =>
      place !== undefined && link(`/logs?${withPlace(params, name, place)}`);
    return html(
      views.render("logs", {
        navigation: navigation(link, "/logs"),
        script_url: link("/static/logs.js"),
        events_url: link(`/api/logs/events?${withPlace(params)}`),
        trace_url: link("/trace/"),
        logs_url: link("/logs"),
        has_more_filters: ["request", "since", "until", "service"].some((name) => params.get(name)),
        ...formValues(params, serviceNames(platform.config)),
        problem,
        is_narrowed: [...withPlace(params)].some(([, value]) => value !== ""),
        is_from_files: found?.isFromFiles === true,
        is_newest: newer === undefined && found !== undefined && query?.untilMs === undefined,
        is_empty: found?.lines.length === 0,
        looked_to: lookedTo && {
          iso: lookedTo,
          time: lookedTo.slice(0, 19).replace("T", " "),
          is_backwards: isBackwards,
        },
        lines: keepTogether(found?.lines ?? []).map((line) => logRow(line, link)),
        paging: (older ?? newer) !== undefined && {
          older_url: pageLink("before", older),
          newer_url: pageLink("after", newer),
          older_label: lookedTo && !isBackwards ? "Search further back" : "Older",
          newer_label: lookedTo && isBackwards ? "Search further on" : "Newer",
          newest_url: newer !== undefined && link(`/logs?${withPlace(params)}`),
        },
      }),
      { status },
    );
  };
}

const levelLabels: Readonly<Record<string, string>> = {
  "": "All",
  info: "Info and worse",
  warn: "Warnings and errors",
  error: "Errors",
};

/** A form that was filled in wrongly, or asks for too much, comes back with what is wrong. */
async function findKindly(
  parts: LogSearchParts,
  params: URLSearchParams,
): Promise<{ query?: LogQuery; found?: FoundLines; problem?: string; status: number }> {
  try {
    const query = readLogQuery(params);
    return { query, found: await findLines(parts, query), status: 200 };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { problem: error.message, status: error.status };
  }
}

/** The search as it is, at another place of its results. */
function withPlace(params: URLSearchParams, name?: string, place?: string): URLSearchParams {
  const kept = [...params].filter(
    ([key, value]) => !["before", "after"].includes(key) && value !== "",
  );
  return new URLSearchParams(name && place ? [...kept, [name, place]] : kept);
}

function formValues(params: URLSearchParams, services: readonly string[]): object {
  const chosen = params.getAll("service");
  return {
    q: params.get("q") ?? "",
    request: params.get("request") ?? "",
    since: params.get("since") ?? "",
    until: params.get("until") ?? "",
    levels: ["", "info", "warn", "error"].map((level) => ({
      level,
      label: levelLabels[level],
      is_chosen: (params.get("level") ?? "") === level,
    })),
    services: services.map((name) => ({ name, is_chosen: chosen.includes(name) })),
  };
}
