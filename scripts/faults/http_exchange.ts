// One request and its whole answer, over a connection that may be kept or not.
import http, { type Agent, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";

export interface Exchanged {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ExchangeOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: Agent;
  readonly content?: string | undefined;
}

/** Self-signed certificates are accepted. */
export function newAgent(origin: string, { isKept }: { isKept: boolean }): Agent {
  return origin.startsWith("https:")
    ? new https.Agent({ keepAlive: isKept, rejectUnauthorized: false })
    : new http.Agent({ keepAlive: isKept });
}

/** @throws {Error} of the connection, when it ends before the whole answer is there */
export function exchange(url: URL, options: ExchangeOptions): Promise<Exchanged> {
  const { content, ...sentOptions } = options;
  return new Promise((resolve, reject) => {
    const client = url.protocol === "https:" ? https : http;
    const sent = client.request(url, sentOptions, (answer: IncomingMessage) => {
      const { statusCode: status = 0, headers } = answer;
      readAll(answer).then((body) => resolve({ status, headers, body }), reject);
    });
    sent.on("error", reject).end(content);
  });
}

async function readAll(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += chunk;
  return text;
}
