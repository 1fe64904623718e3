import { HttpError } from "@hivematrix/lib/http_error";

/** A place between two stored lines, for the page before or after it. */
export interface Cursor {
  readonly direction: "older" | "newer";
  /** Of the line that is not wanted any more: its time in milliseconds since 1970, and its id. */
  readonly atMs: number;
  readonly id: number;
}

/** `?before=<place>` or `?after=<place>`. @throws {HttpError} 400 */
export function readCursor(params: URLSearchParams): Cursor | undefined {
  const before = params.get("before") ?? "";
  const place = before === "" ? (params.get("after") ?? "") : before;
  if (place === "") return undefined;
  const [, atMs, id] = /^(-?\d{1,16})-(\d{1,15})$/.exec(place) ?? [];
  if (id === undefined) throw new HttpError(400, "Cannot search the logs: there is no such page");
  const direction = before === "" ? "newer" : "older";
  return { direction, atMs: Number(atMs), id: Number(id) };
}

export function formatPlace({ atMs, id }: Pick<Cursor, "atMs" | "id">): string {
  return `${atMs}-${id}`;
}
