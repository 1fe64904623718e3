import type { Sql } from "@hivematrix/lib/database";

/** Who wrote a note: a person, or a service. */
export interface Author {
  readonly sub: string;
  readonly name: string;
}

export interface Note {
  readonly id: number;
  readonly text: string;
  readonly author: Author;
  readonly createdAt: Date;
}

/** Which notes a list is about: newest first, those older than `before`, at most `limit`. */
export interface NoteQuery {
  /** Whose; everybody's without it. */
  readonly authorSub?: string | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface NoteList {
  readonly notes: readonly Note[];
  /** The `before` that the next list begins with; `undefined` when this was the last. */
  readonly next: number | undefined;
}

export interface AuthorCount {
  readonly name: string;
  readonly notes: number;
  readonly latest: Date;
}

/** Where the notes are kept. */
export interface NoteStore {
  add(author: Author, text: string): Promise<Note>;
  list(query: NoteQuery): Promise<NoteList>;
  /** @returns whether that author had a note of that id */
  remove(id: number, authorSub: string): Promise<boolean>;
  count(): Promise<{ notes: number; authors: number }>;
  /** Those with the most notes first. */
  countByAuthor(limit: number): Promise<readonly AuthorCount[]>;
}

interface Row {
  id: number;
  text: string;
  author_sub: string;
  author_name: string;
  created_at: Date;
}

/** The notes in PostgreSQL; schema.sql has the table. */
export function createNoteStore(sql: Sql): NoteStore {
  return {
    async add({ sub, name }, text) {
      const [row] = await sql<[Row]>`
        insert into note (text, author_sub, author_name) values (${text}, ${sub}, ${name})
        returning id, text, author_sub, author_name, created_at`;
      return toNote(row);
    },

    async list({ authorSub, before, limit }) {
      // One more than asked for tells whether there is a next list.
      const rows = await sql<Row[]>`
        select id, text, author_sub, author_name, created_at from note
        where true
          ${authorSub === undefined ? sql`` : sql`and author_sub = ${authorSub}`}
          ${before === undefined ? sql`` : sql`and id < ${before}`}
        order by id desc limit ${limit + 1}`;
      const notes = rows.slice(0, limit).map(toNote);
      return { notes, next: rows.length > limit ? notes.at(-1)?.id : undefined };
    },

    async remove(id, authorSub) {
      const { count } = await sql`
        delete from note where id = ${id} and author_sub = ${authorSub}`;
      return count === 1;
    },

    async count() {
      const [row] = await sql<[{ notes: number; authors: number }]>`
        select count(*)::int as notes, count(distinct author_sub)::int as authors from note`;
      return { notes: row.notes, authors: row.authors };
    },

    async countByAuthor(limit) {
      return await sql<AuthorCount[]>`
        select (array_agg(author_name order by id desc))[1] as name,
          count(*)::int as notes, max(created_at) as latest
        from note group by author_sub order by notes desc, name limit ${limit}`;
    },
  };
}

function toNote({ id, text, author_sub, author_name, created_at }: Row): Note {
  return { id, text, author: { sub: author_sub, name: author_name }, createdAt: created_at };
}
