// Steady requests of one person to Template, through the real Nexus, while something is restarted.
import http, { type Agent, type IncomingMessage } from "node:http";
import https from "node:https";

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

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Reads, writes and deletes notes; every other client has a new connection for each request. */
export async function runRestartLoad(options: LoadOptions): Promise<LoadFigures> {
  const { origin, cookie, requests, clients = 16, meanwhile } = options;
  const newAgent = (keepAlive: boolean): Agent =>
    origin.startsWith("https:")
      ? new https.Agent({ keepAlive, rejectUnauthorized: false })
      : new http.Agent({ keepAlive });
  const kept = newAgent(true);
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
    const agent = isKept ? kept : newAgent(false);
    const headers = {
      cookie,
      ...(content !== undefined && { "content-type": "application/json" }),
    };
    const answer = await exchange(new URL(path, origin), { method, agent, headers }, content).catch(
      (error: Error): Answer => ({ status: 0, body: error.message }),
    );
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

function exchange(
  url: URL,
  options: { method: string; agent: Agent; headers: Record<string, string> },
  content?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const client = url.protocol === "https:" ? https : http;
    const sent = client.request(url, options, (answer: IncomingMessage) => {
      readAll(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
    });
    sent.on("error", reject).end(content);
  });
}

async function readAll(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += chunk;
  return text;
}

function readNoteId(text: string): string {
  const { note } = JSON.parse(text) as { note: { id: string } };
  return note.id;
}
