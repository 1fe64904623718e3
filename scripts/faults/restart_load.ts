// Steady requests of one person to Template, through the real Nexus, while something is restarted.
import { exchange, newAgent } from "./http_exchange.ts";

export interface LoadFigures {
  readonly requests: number;
  /** Of those, over connections of their own. */
  readonly newConnections: number;
  readonly writes: number;
  /** What was answered otherwise than it should be, or not at all. */
  readonly failures: readonly string[];
  /** The longest that one has waited. */
  readonly slowestMs: number;
}

export interface LoadOptions {
  readonly origin: string;
  /** The session's cookie, as `name=value`. */
  readonly cookie: string;
  /** At least so many, and on until `meanwhile` is done. */
  readonly requests: number;
  readonly clients?: number;
  readonly meanwhile: () => Promise<void>;
}

/** Reads, writes and deletes notes; every other client has a new connection for each request. */
export async function runRestartLoad(options: LoadOptions): Promise<LoadFigures> {
  const { origin, cookie, requests, clients = 16, meanwhile } = options;
  const kept = newAgent(origin, { isKept: true });
  const failures: string[] = [];
  const count = { requests: 0, newConnections: 0, writes: 0, slowestMs: 0 };
  let isDone = false;

  const ask = async (
    isKept: boolean,
    method: string,
    path: string,
    expected: number,
    content?: string,
  ) => {
    const sentAt = performance.now();
    count.requests++;
    if (!isKept) count.newConnections++;
    if (method !== "GET") count.writes++;
    const agent = isKept ? kept : newAgent(origin, { isKept: false });
    const headers = {
      cookie,
      ...(content !== undefined && { "content-type": "application/json" }),
    };
    const sent = exchange(new URL(path, origin), { method, agent, headers, content });
    const answer = await sent.catch((error: Error) => ({ status: 0, body: error.message }));
    count.slowestMs = Math.max(count.slowestMs, performance.now() - sentAt);
    if (answer.status === expected) return answer;
    const connection = isKept ? "kept" : "new";
    failures.push(
      `${method} ${path} (${connection}): ${answer.status} ${answer.body.slice(0, 200)}`,
    );
    return undefined;
  };
  const client = async (index: number) => {
    const isKept = index % 2 === 0;
    for (let turn = 0; !isDone || count.requests < requests; turn++) {
      await ask(isKept, "GET", "/template/api/notes", 200);
      await ask(isKept, "GET", "/template/", 200);
      const text = JSON.stringify({ text: `client ${index}, turn ${turn}` });
      const made = await ask(isKept, "POST", "/template/api/notes", 201, text);
      if (made === undefined) continue;
      // Deleted once and only once: a request that was sent twice would be seen here.
      const path = `/template/api/notes/${readNoteId(made.body)}`;
      await ask(isKept, "DELETE", path, 204);
    }
  };
  const work = Array.from({ length: clients }, (_, index) => client(index));
  try {
    await meanwhile();
  } finally {
    isDone = true;
    await Promise.all(work);
    kept.destroy();
  }
  return { ...count, slowestMs: Math.round(count.slowestMs), failures };
}

function readNoteId(text: string): string {
  const { note } = JSON.parse(text) as { note: { id: string } };
  return note.id;
}
