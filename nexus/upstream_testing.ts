// For tests: a service that records what reaches it, byte for byte, and answers what it is told to.
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { TestScope } from "@hivematrix/lib/testing";

export interface RecordedRequest {
  readonly method: string;
  /** The request target as it stood in the request line. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** All values of a header. */
  headers(name: string): string[];
}

export interface TestUpstream {
  readonly url: string;
  readonly requests: RecordedRequest[];
  /** The newest request. */
  readonly last: RecordedRequest;
  answer(listener: RequestListener): void;
  /** Gone at once, as if killed, and back on the same port. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export const upstreamPage =
  '<!DOCTYPE html><html lang="en"><head><title>Upstream</title></head><body><p>Hello</p></body></html>';

/** Answers with a small page until it is told otherwise. */
export async function startUpstream(scope: TestScope): Promise<TestUpstream> {
  const requests: RecordedRequest[] = [];
  let answer: RequestListener = (_incoming, outgoing) => {
    outgoing.setHeader("content-type", "text/html; charset=utf-8").end(upstreamPage);
  };
  const listener: RequestListener = (incoming, outgoing) => {
    const { method = "", url = "", rawHeaders } = incoming;
    const headers = (name: string) =>
      rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
    requests.push({ method, target: url, rawHeaders, incoming, outgoing, headers });
    answer(incoming, outgoing);
  };
  const start = async (port: number) => {
    const server = createServer({ requestTimeout: 0 }, listener).listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  let server = await start(0);
  const { port } = server.address() as AddressInfo;
  const kill = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  scope.after(kill);
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get last() {
      const newest = requests.at(-1);
      if (newest === undefined) throw new Error("Nothing has reached the upstream");
      return newest;
    },
    answer(next) {
      answer = next;
    },
    kill,
    async restart() {
      server = await start(port);
    },
  };
}
