// For tests: the way from Nexus to Core, which can be shut, opened again, or lead to somebody else.
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { type RunningServer, serve } from "@hivematrix/lib/serve";
import type { TestScope } from "@hivematrix/lib/testing";

type Impostor = () => Response | Promise<Response>;

export interface CoreDoor {
  /** For CORE_SERVICE_URL. */
  readonly url: string;
  /** Core is gone as if killed, and back at the same address. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Answers in Core's place; `undefined` ends that. */
  misbehave(answer: Impostor | undefined): void;
}

export async function startCoreDoor(scope: TestScope, coreUrl: string): Promise<CoreDoor> {
  let impostor: Impostor | undefined;
  const handle = async (request: Request): Promise<Response> => {
    if (impostor !== undefined) return await impostor();
    const { pathname, search } = new URL(request.url);
    const { method } = request;
    const body = method === "GET" ? null : await request.text();
    const headers = {
      "content-type": "application/json",
      authorization: request.headers.get("authorization") ?? "",
    };
    return await fetch(coreUrl + pathname + search, { method, headers, body });
  };
  const feeds = new Set<Duplex>();
  /** The revocation feed: the request as it came, then bytes both ways. */
  const onUpgrade = ({ method, url, rawHeaders }: IncomingMessage, socket: Duplex) => {
    if (impostor !== undefined) {
      socket.destroy();
      return;
    }
    const lines = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name}: ${rawHeaders[i + 1]}`]));
    const core = connect(Number(new URL(coreUrl).port), "127.0.0.1");
    core.write(`${method} ${url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    socket.pipe(core).pipe(socket);
    for (const end of [socket, core]) {
      feeds.add(end);
      end.on("error", () => end.destroy());
      end.once("close", () => {
        feeds.delete(end);
        socket.destroy();
        core.destroy();
      });
    }
  };
  const start = (port: number) =>
    serve(handle, { port, service: "core", drainTimeoutMs: 0, onUpgrade });
  let server: RunningServer = await start(0);
  const { origin, port } = server.url;
  scope.after(() => server.close());
  return {
    url: origin,
    shut: () => server.close(),
    async open() {
      server = await start(Number(port));
    },
    misbehave(answer) {
      impostor = answer;
      for (const feed of feeds) feed.destroy();
    },
  };
}
