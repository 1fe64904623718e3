// A service behind the gateways, for tests: it says which requests have reached it. It answers
// /echo at once and keeps /stream (an event stream) and /socket (an upgrade) open.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TestScope } from "@hivematrix/lib/testing";

export interface RecordingUpstream {
  readonly url: string;
}

/** @param onReached the number in the request's query: `?request=17` */
export async function startRecordingUpstream(
  scope: TestScope,
  onReached: (request: number) => void,
): Promise<RecordingUpstream> {
  const note = ({ url = "" }: IncomingMessage) => {
    const address = new URL(url, "http://upstream");
    onReached(Number(address.searchParams.get("request")));
    return address.pathname;
  };
  const sockets = new Set<Duplex>();
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    if (note(incoming) !== "/stream") {
      outgoing.setHeader("content-type", "text/plain").end("hello");
      return;
    }
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    outgoing.write("data: open\n\n");
  });
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => {
    note(incoming);
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.resume();
    const key = incoming.headers["sec-websocket-key"] ?? "";
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`,
    );
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** RFC 6455 §4.2.2 */
function acceptKey(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}
