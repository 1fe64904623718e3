// What several pages show in the same way.
import type { Note } from "./note_store.ts";
import type { Parts } from "./routes.ts";

const timeFormat = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});

/** The service's title in navigation, so that a page is called what its link says. */
export function serviceTitle({ registry, service }: Pick<Parts, "registry" | "service">): string {
  return registry.find(service)?.title ?? service;
}

/** A time for people, and for the datetime attribute of <time>. */
export function shownTime(time: Date): { iso: string; shown: string } {
  return { iso: time.toISOString(), shown: timeFormat.format(time) };
}

/** Where a list goes on and where it begins; `undefined` when all of it is on the one page. */
export function pagerLinks(path: string, before: number | undefined, next: number | undefined) {
  if (before === undefined && next === undefined) return undefined;
  return {
    newest_url: before === undefined ? undefined : path,
    older_url: next === undefined ? undefined : `${path}?before=${next}`,
  };
}

export function noteRow({ text, author, createdAt }: Note) {
  return { text, author: author.name, created: shownTime(createdAt) };
}
