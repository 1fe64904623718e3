// The pages for people: their own notes.
import type { UserContext } from "@hivematrix/lib/auth";
import { readForm } from "@hivematrix/lib/request_body";
import { html, redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { noSuchNote, notesPerPage, readBefore, readNoteId } from "./note_query.ts";
import { maxNoteLength, readNoteText } from "./note_text.ts";
import { noteRow, pagerLinks, serviceTitle } from "./page_data.ts";
import type { Parts } from "./routes.ts";

/** What stands in the form: nothing, or what was typed and what is wrong with it. */
interface Typed {
  readonly text: string;
  readonly problem?: string;
}

/** GET /: the person's own notes, newest first, `?before=<id>` for older ones. */
export function showNotes(parts: Parts): Handler<UserContext> {
  return async (_request, context) => html(await renderNotes(parts, context, { text: "" }));
}

/** POST /: adds a note and goes back to the list, or shows the form again with what is wrong. */
export function addNote(parts: Parts): Handler<UserContext> {
  return async (request, context) => {
    const typed = (await readForm(request)).get("text") ?? "";
    const read = readNoteText(typed);
    if ("problem" in read) {
      const page = await renderNotes(parts, context, { text: typed, problem: read.problem });
      return html(page, { status: 422 });
    }
    const { sub, name } = context.caller.user;
    await parts.notes.add({ sub, name }, read.text);
    return redirect(context.link("/"));
  };
}

/** POST /notes/:id/delete, for a form, which cannot send DELETE. @throws {HttpError} 404 */
export function removeNote({ notes }: Parts): Handler<UserContext> {
  return async (_request, { params, caller, url, link }) => {
    const id = readNoteId(params["id"]);
    if (!(await notes.remove(id, caller.user.sub))) throw noSuchNote(id);
    return redirect(link(`/${url.search}`));
  };
}

async function renderNotes(parts: Parts, context: UserContext, typed: Typed): Promise<string> {
  const { url, link, caller } = context;
  const before = readBefore(url);
  const { notes, next } = await parts.notes.list({
    authorSub: caller.user.sub,
    before,
    limit: notesPerPage,
  });
  return parts.views.render("index", {
    title: serviceTitle(parts),
    user: caller.user,
    is_admin: caller.user.permission_level === "admin",
    settings_url: link("/admin/settings"),
    service_call_url: link("/admin/service-call"),
    add_url: link("/"),
    typed,
    max_length: maxNoteLength,
    notes: notes.map((note) => ({
      ...noteRow(note),
      delete_url: link(`/notes/${note.id}/delete${url.search}`),
    })),
    has_notes: notes.length > 0,
    pager: pagerLinks(link("/"), before, next),
  });
}
