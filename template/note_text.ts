/** In UTF-16 code units, as the maxlength of a text area counts; schema.sql has the same limit. */
export const maxNoteLength = 2000;

/** What was typed, as it is kept, or what is wrong with it in words for whoever typed it. */
export type NoteText = { readonly text: string } | { readonly problem: string };

/** Checks what became of a note on its way here; this is where it enters. */
export function readNoteText(typed: string): NoteText {
  // Forms send CRLF (HTML, "form submission"); one kind of line break is kept.
  const text = typed.replaceAll(/\r\n?/g, "\n").trim();
  if (text === "") return { problem: "A note needs some text." };
  if (text.length > maxNoteLength) {
    return {
      problem: `A note has at most ${maxNoteLength} characters; this one has ${text.length}.`,
    };
  }
  // PostgreSQL's text type cannot hold it.
  if (text.includes("\0")) return { problem: "A note cannot contain the character NUL." };
  return { text };
}
