import { HttpError } from "@hivematrix/lib/http_error";

/** A place between two stored lines, for the page before or after it. */
export interface Cursor {
  readonly direction: "older" | "newer";
  /** Of the line that is not wanted any more: its time in microseconds since 1970, and its id. */
  readonly atMicros: number;
  readonly id: number;
}

/** `?before=<place>` or `?after=<place>`. @throws {HttpError} 400 */
export function readCursor(params: URLSearchParams): Cursor | undefined {
  const before = params.get("before") ?? "";
  const place = before === "" ? (params.get("after") ?? "") : before;
  if (place === "") return undefined;
  const [, atMicros, id] = /^(-?\d{1,16})-(\d{1,15})$/.exec(place) ?? [];
  if (id === undefined) throw new HttpError(400, "Cannot search the logs: there is no such page");
  const direction = before === "" ? "newer" : "older";
  return { direction, atMicros: Number(atMicros), id: Number(id) };
}

export function formatPlace({ atMicros, id }: Pick<Cursor, "atMicros" | "id">): string {
  return `${atMicros}-${id}`;
}
