import type { Context } from "@hivematrix/lib/router";
import type { EndTarget } from "./end_sessions.ts";

/** Where in the list somebody is; it goes through the confirmation and back. */
export interface ListPlace {
  readonly search: string;
  /** The `sub` of the one person that it is about. */
  readonly person: string | undefined;
  readonly page: number;
}

export function readPlace(fields: URLSearchParams): ListPlace {
  // No text has a null character in PostgreSQL, and no name is that long.
  const search = (fields.get("q") ?? "").replaceAll("\u0000", "").trim().slice(0, 200);
  const person = fields.get("person") || undefined;
  return { search, person, page: Number(fields.get("page") ?? 1) };
}

/** @param notice the name of what Notices keeps */
export function listLink(link: Context["link"], place: ListPlace, notice?: string): string {
  return link(`/sessions${formatQuery(placeFields(place), { notice })}`);
}

/** The page that asks before anything is ended. */
export function endLink(link: Context["link"], { sub, id }: EndTarget, place: ListPlace): string {
  return link(`/sessions/end${formatQuery({ sub, id }, placeFields(place))}`);
}

/** As names and values for hidden fields. */
export function hiddenFields({ sub, id }: EndTarget, place: ListPlace) {
  return definedEntries({ sub, id, ...placeFields(place) }).map(([name, value]) => ({
    name,
    value,
  }));
}

function placeFields({ search, person, page }: ListPlace) {
  return { q: search || undefined, person, page: page > 1 ? String(page) : undefined };
}

function formatQuery(...fields: readonly Record<string, string | undefined>[]): string {
  const query = new URLSearchParams(fields.flatMap(definedEntries)).toString();
  return query === "" ? "" : `?${query}`;
}

function definedEntries(fields: Record<string, string | undefined>): [string, string][] {
  return Object.entries(fields).filter((entry): entry is [string, string] => Boolean(entry[1]));
}
