import type { UserContext } from "@hivematrix/lib/auth";
import type { LogLevel } from "@hivematrix/lib/log";
import { readShownLine } from "../logs/shown_line.ts";
import type { FoundLine } from "../logs/stored_search.ts";

export const levelBadges: Readonly<Record<LogLevel, string>> = {
  debug: "neutral",
  info: "neutral",
  warn: "warning",
  error: "danger",
};

/** A line as the view "log_line" shows it. */
export function logRow(
  { atMs, service, level, requestId, line }: FoundLine,
  link: UserContext["link"],
): object {
  const iso = new Date(atMs).toISOString();
  return {
    iso,
    time: iso.slice(0, 23).replace("T", " "),
    service,
    level,
    badge: levelBadges[level],
    text: readShownLine(service, line, { nowMs: atMs }).text,
    request: requestId !== undefined && {
      id: requestId,
      url: link(`/trace/${encodeURIComponent(requestId)}`),
    },
  };
}
