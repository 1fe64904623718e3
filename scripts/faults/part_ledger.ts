// What clients have written through Nexus, and what has to be there of it afterwards.
import { exchange, newAgent } from "./http_exchange.ts";

/** What the client was told of one note: `undefined` while, or because, there was no answer. */
interface Entry {
  readonly isWritten: boolean | undefined;
  /** Absent: nobody has asked for that. */
  readonly deletion?: { readonly isDone: boolean | undefined };
}

/** Each note has a text of its own, so that one that was written twice is seen. */
export class NoteLedger {
  readonly #entries = new Map<string, Entry>();

  /** @param before the notes that are there already, and stay */
  constructor(before: readonly string[] = []) {
    for (const text of before) this.#entries.set(text, { isWritten: true });
  }

  /** To be called before the request is sent. */
  writing(text: string): void {
    this.#entries.set(text, { isWritten: undefined });
  }

  /** @param isWritten what the answer says; not to be called where nothing was answered */
  wrote(text: string, isWritten: boolean): void {
    this.#entries.set(text, { isWritten });
  }

  deleting(text: string): void {
    this.#entries.set(text, { isWritten: true, deletion: { isDone: undefined } });
  }

  deleted(text: string): void {
    this.#entries.set(text, { isWritten: true, deletion: { isDone: true } });
  }

  /** @param found every note that there is, by its text @returns what is wrong, in words */
  check(found: readonly string[]): string[] {
    const counts = new Map<string, number>();
    for (const text of found) counts.set(text, (counts.get(text) ?? 0) + 1);
    const faults: string[] = [];
    for (const [text, count] of counts) {
      if (count > 1) faults.push(`"${text}" was written ${count} times`);
      if (!this.#entries.has(text)) faults.push(`"${text}" was written by nobody who may`);
    }
    for (const [text, { isWritten, deletion }] of this.#entries) {
      const isThere = counts.has(text);
      if (isWritten === true && deletion === undefined && !isThere)
        faults.push(`"${text}" is lost`);
      if (isWritten === false && isThere) faults.push(`"${text}" was refused and is there`);
      if (deletion?.isDone === true && isThere) faults.push(`"${text}" was deleted and is there`);
    }
    return faults;
  }
}

/** The texts of all notes of a person. */
export async function readNotes(origin: string, cookie: string): Promise<string[]> {
  const agent = newAgent(origin, { isKept: true });
  const texts: string[] = [];
  for (let path: string | null = "/template/api/notes?limit=200"; path !== null; ) {
    const headers = { cookie };
    const { status, body } = await exchange(new URL(path, origin), {
      method: "GET",
      headers,
      agent,
    });
    if (status !== 200) throw new Error(`Cannot read the notes: ${status} ${body}`);
    const page = JSON.parse(body) as { notes: { text: string }[]; next: string | null };
    texts.push(...page.notes.map(({ text }) => text));
    path = page.next;
  }
  agent.destroy();
  return texts;
}
