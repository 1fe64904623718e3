// A service for the soak: pages and data, answers that never come, WebSockets that are accepted,
// refused or cut.
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TestScope } from "@hivematrix/lib/testing";

const page = `<!DOCTYPE html><html><head><title>Soak</title></head><body>${"<p>text</p>".repeat(500)}</body></html>`;
const accepted =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const refused =
  "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nnot today";

export interface SoakUpstream {
  readonly url: string;
  /** Connections that are open. */
  countConnections(): Promise<number>;
}

export async function startSoakUpstream(scope: TestScope): Promise<SoakUpstream> {
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    switch (incoming.url) {
      case "/json":
        outgoing.setHeader("content-type", "application/json").end('{"some":"data"}');
        return;
      case "/page":
        outgoing.setHeader("content-type", "text/html").end(page);
        return;
      case "/upload":
        incoming.resume().once("end", () => outgoing.end("thanks"));
        return;
      case "/begun":
        outgoing.write("the beginning of what never ends");
        return;
      case "/never":
        return;
      default:
        outgoing.writeHead(404).end("nothing here");
    }
  });
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => {
    socket.on("error", () => socket.destroy());
    if (incoming.url === "/refused") socket.end(refused);
    else if (incoming.url === "/cut") socket.write(accepted, () => socket.destroy());
    else {
      socket.write(accepted);
      socket.pipe(socket);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    countConnections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
  };
}
