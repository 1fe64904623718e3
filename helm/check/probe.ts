// Requests to a service as Nexus and other services make them, but for what they must never do: only
// GET, no redirect followed, and never long.
import { type IncomingHttpHeaders, request } from "node:http";

export interface ProbeOptions {
  readonly token?: string | undefined;
  /** Default: JSON. */
  readonly accept?: string;
}

export interface ProbeAnswer {
  readonly path: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of it, where it is very long. */
  readonly body: string;
}

export interface Probe {
  /** @param path sent as it stands @throws {Error} when there is no answer, with the reason */
  get(path: string, options?: ProbeOptions): Promise<ProbeAnswer>;
  /** All answers so far. */
  readonly answers: readonly ProbeAnswer[];
}

const timeoutMs = 5000;
const mostBodyBytes = 256 * 1024;

/** @param prefix as the service is reached through Nexus: `/template` */
export function createProbe(url: string, prefix: string): Probe {
  const { hostname, port } = new URL(url);
  const answers: ProbeAnswer[] = [];
  return {
    answers,
    async get(path, { token, accept = "application/json" } = {}) {
      const headers: Record<string, string> = { accept, "x-forwarded-prefix": prefix };
      if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
      const answer = await send({ hostname, port, path, headers });
      answers.push(answer);
      return answer;
    },
  };
}

async function send(options: {
  hostname: string;
  port: string;
  path: string;
  headers: Record<string, string>;
}): Promise<ProbeAnswer> {
  const { path } = options;
  return await new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = request({ ...options, method: "GET", agent: false, signal }, (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const finish = () => {
        const body = Buffer.concat(chunks).subarray(0, mostBodyBytes).toString("utf8");
        resolve({ path, status: incoming.statusCode ?? 0, headers: incoming.headers, body });
        outgoing.destroy();
      };
      incoming.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= mostBodyBytes) finish();
      });
      incoming.on("end", finish);
      incoming.on("error", fail);
    });
    const fail = (error: Error) => {
      const reason = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : error.message;
      reject(new Error(`GET ${path}: ${reason}`, { cause: error }));
    };
    outgoing.on("error", fail);
    outgoing.end();
  });
}
