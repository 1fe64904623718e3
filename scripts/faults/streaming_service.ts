// A service for stream_restart.test.ts: says which process it is on a page, in a stream of events and
// over WebSockets, which it closes as RFC 6455 has it when it ends.
import { setTimeout as sleep } from "node:timers/promises";
import { createLog } from "@hivematrix/lib/log";
import { closeOnSignal, serve } from "@hivematrix/lib/serve";
import { WebSocketServer } from "ws";

/** "Service Restart", of the registry that RFC 6455 §7.4 has opened. */
const serviceRestart = 1012;

const webSockets = new WebSocketServer({ noServer: true });
webSockets.on("connection", (socket) => {
  socket.send(String(process.pid));
  socket.on("message", (data) => socket.send(String(data)));
});

const server = await serve(
  async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/events") return showEvents();
    return Response.json({ pid: process.pid });
  },
  {
    port: Number(process.env["PORT"]),
    service: "streams",
    drainTimeoutMs: 500,
    onUpgrade: (incoming, socket, head) => {
      webSockets.handleUpgrade(incoming, socket, head, (open) => {
        webSockets.emit("connection", open, incoming);
      });
    },
  },
);

const closeWebSockets = () => {
  for (const socket of webSockets.clients) socket.close(serviceRestart);
};
closeOnSignal(createLog("streams"), { close: closeWebSockets }, server);

function showEvents(): Response {
  let isFirst = true;
  const events = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!isFirst) await sleep(50);
      controller.enqueue(Buffer.from(`${isFirst ? "retry: 100\n" : ""}data: ${process.pid}\n\n`));
      isFirst = false;
    },
  });
  return new Response(events, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}
