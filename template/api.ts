// The same notes as JSON, for people's programs and for other services.
import type { CallerContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import type { Caller } from "@hivematrix/lib/token_verifier";
import { noSuchNote, readBefore, readLimit, readNoteId } from "./note_query.ts";
import type { Author, Note, NoteStore } from "./note_store.ts";
import { readNoteText } from "./note_text.ts";
import type { Parts } from "./routes.ts";

/**
 * GET /api/notes?before=<id>&limit=<number>: a person's own notes; everybody's for a service, which
 * is trusted beyond a single person's rights (contract §4).
 */
export function listNotes(store: NoteStore): Handler<CallerContext> {
  return async (_request, { caller, url, link }) => {
    const authorSub = caller.kind === "user" ? caller.user.sub : undefined;
    const limit = readLimit(url);
    const { notes, next } = await store.list({ authorSub, before: readBefore(url), limit });
    return Response.json({
      notes: notes.map(toJson),
      next: next === undefined ? null : link(`/api/notes?before=${next}&limit=${limit}`),
    });
  };
}

/** POST /api/notes {"text": "…"}. @throws {HttpError} 422 for a text that is no note */
export function createNote(store: NoteStore): Handler<CallerContext> {
  return async (request, { caller, link }) => {
    const read = readNoteText((await readJsonFields(request, ["text"])).text);
    if ("problem" in read) throw new HttpError(422, read.problem, { fields: { field: "text" } });
    const note = await store.add(authorOf(caller), read.text);
    const location = link(`/api/notes/${note.id}`);
    return Response.json({ note: toJson(note) }, { status: 201, headers: { location } });
  };
}

/** DELETE /api/notes/:id: one of the caller's own. @throws {HttpError} 404 */
export function deleteNote(store: NoteStore): Handler<CallerContext> {
  return async (_request, { params, caller }) => {
    const id = readNoteId(params["id"]);
    if (!(await store.remove(id, authorOf(caller).sub))) throw noSuchNote(id);
    return new Response(null, { status: 204 });
  };
}

/**
 * GET /api/data: figures over everybody's notes, for services and for administrators (contract §7).
 *
 * @throws {HttpError} 403 for other people
 */
export function showData({ service, notes }: Parts): Handler<CallerContext> {
  return async (_request, { caller }) => {
    if (caller.kind === "user" && caller.user.permission_level !== "admin") {
      throw new HttpError(403, "These figures are over everybody's notes, for administrators only");
    }
    return Response.json({
      service,
      called_by: caller.kind === "user" ? caller.user.preferred_username : caller.service,
      data: await notes.count(),
    });
  };
}

function authorOf(caller: Caller): Author {
  if (caller.kind === "user") return { sub: caller.user.sub, name: caller.user.name };
  // The `sub` of a service token (contract §4).
  return { sub: `service:${caller.service}`, name: caller.service };
}

function toJson({ id, text, author, createdAt }: Note) {
  return { id, text, author, created_at: createdAt };
}
