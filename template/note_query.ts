// What requests say about which notes they mean.
import { HttpError } from "@hivematrix/lib/http_error";

/** So many notes a page, so that ten thousand do not make one. */
export const notesPerPage = 50;
const mostNotesAtOnce = 200;

/** PostgreSQL's integer. */
const greatestId = 2 ** 31 - 1;

/** `?before=<id>`: where a list goes on. @throws {HttpError} 400 */
export function readBefore(url: URL): number | undefined {
  return readNumber(url, "before", greatestId);
}

/** `?limit=<number>`. @throws {HttpError} 400 */
export function readLimit(url: URL): number {
  return readNumber(url, "limit", mostNotesAtOnce) ?? notesPerPage;
}

/** The id in a path. @throws {HttpError} 404 for what can be no id, as for a note that is not there */
export function readNoteId(text = ""): number {
  const id = /^[1-9]\d*$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (id > greatestId) throw noSuchNote(text);
  return id;
}

/** Another author's note answers the same: nobody learns which ids there are. */
export function noSuchNote(id: string | number): HttpError {
  return new HttpError(404, `There is no note ${id} of yours`);
}

function readNumber(url: URL, name: string, most: number): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  if (/^[1-9]\d*$/.test(text) && Number(text) <= most) return Number(text);
  throw new HttpError(400, `"${name}" must be a whole number from 1 to ${most}, not "${text}"`);
}
