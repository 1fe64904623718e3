import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { notesPerPage, readBefore } from "./note_query.ts";
import { noteRow, pagerLinks, serviceTitle, shownTime } from "./page_data.ts";
import type { Parts } from "./routes.ts";

const mostAuthors = 100;

/** GET /admin/settings: how the service is set up, and everybody's notes with counts. */
export function showSettings(parts: Parts): Handler {
  return async (_request, { url, link }) => {
    const before = readBefore(url);
    const [counts, authors, { notes, next }] = await Promise.all([
      parts.notes.count(),
      parts.notes.countByAuthor(mostAuthors),
      parts.notes.list({ before, limit: notesPerPage }),
    ]);
    const page = parts.views.render("admin/settings", {
      title: serviceTitle(parts),
      home_url: link("/"),
      facts: readFacts(parts),
      written: `${countOf(counts.notes, "note", "notes")} by ${countOf(counts.authors, "person", "people")}`,
      authors: authors.map(({ latest, ...author }) => ({ ...author, latest: shownTime(latest) })),
      notes: notes.map(noteRow),
      has_notes: notes.length > 0,
      pager: pagerLinks(link("/admin/settings"), before, next),
    });
    return html(page);
  };
}

function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Settings that help to find one's way; no secrets, even for administrators. */
function readFacts({ service, settings }: Parts): { label: string; value: string }[] {
  return [
    { label: "Service", value: service },
    { label: "Port", value: settings.PORT },
    { label: "Environment", value: settings.ENVIRONMENT ?? "not set" },
    { label: "Core", value: settings.CORE_SERVICE_URL },
    { label: "Token issuer", value: settings.JWT_ISSUER ?? "hivematrix.core" },
    { label: "Database", value: settings["database.db_name"] ?? "not named" },
  ];
}
