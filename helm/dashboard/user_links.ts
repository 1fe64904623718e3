import type { Context } from "@hivematrix/lib/router";

type Link = Context["link"];

/** Where in the list somebody is. */
export interface UsersPlace {
  readonly search: string;
  /** From 1. */
  readonly page: number;
}

export function readUsersPlace(fields: URLSearchParams): UsersPlace {
  const search = (fields.get("q") ?? "").replaceAll("\u0000", "").trim().slice(0, 200);
  const page = Math.trunc(Number(fields.get("page") ?? 1));
  // So far behind nobody is; the provider would have to count to it.
  return { search, page: page >= 1 && page <= 100_000 ? page : 1 };
}

export function usersLink(link: Link, { search, page }: UsersPlace): string {
  const fields = { ...(search !== "" && { q: search }), ...(page > 1 && { page: `${page}` }) };
  return link(withQuery("/users", fields));
}

/** @param action a part of the path: `delete` @param notice the name of what Notices keeps */
export function userLink(link: Link, id: string, action?: string, notice?: string): string {
  const path = `/users/${encodeURIComponent(id)}${action === undefined ? "" : `/${action}`}`;
  return link(withQuery(path, notice === undefined ? {} : { notice }));
}

export function withQuery(path: string, fields: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(fields).toString();
  return query === "" ? path : `${path}?${query}`;
}
