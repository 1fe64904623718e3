import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export interface Question {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** More than that is not one page of users, and would have to be held as a whole. */
const maxAnswerBytes = 16 * 1024 * 1024;

/**
 * Questions to one server, over few connections that are kept. node:http, because loading fetch takes
 * longer than most of these exchanges.
 */
export class HttpExchange {
  readonly #agents = {
    "http:": new HttpAgent({ keepAlive: true, maxSockets: 4 }),
    "https:": new HttpsAgent({ keepAlive: true, maxSockets: 4 }),
  };
  readonly #timeoutMs: number;

  /** @param timeoutMs for one question and the whole of its answer */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** @throws {Error} the connection's own, or one named TimeoutError */
  async ask(url: URL, { method, headers = {}, body }: Question): Promise<Answer> {
    try {
      return await this.#askOnce(url, { method, headers, body });
    } catch (error) {
      // The server had closed a kept connection just as this was sent on it: nothing was done there.
      const { code, isOnKeptConnection } = error as { code?: string; isOnKeptConnection?: boolean };
      if (code !== "ECONNRESET" || isOnKeptConnection !== true || method !== "GET") throw error;
      return await this.#askOnce(url, { method, headers, body });
    }
  }

  #askOnce(url: URL, { method, headers, body }: Question): Promise<Answer> {
    const isTls = url.protocol === "https:";
    const request = isTls ? requestHttps : requestHttp;
    const agent = this.#agents[isTls ? "https:" : "http:"];
    const signal = AbortSignal.timeout(this.#timeoutMs);
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(signal.aborted ? signal.reason : error);
      const outgoing = request(
        url,
        { method, headers: { ...headers }, agent, signal },
        (incoming) => readAnswer(incoming).then(resolve, fail),
      );
      outgoing.on("error", (error) =>
        fail(Object.assign(error, { isOnKeptConnection: outgoing.reusedSocket })),
      );
      outgoing.end(body);
    });
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

async function readAnswer(incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text };
}
