// For the gateway's benchmark: the least that a proxy over undici can do. It authenticates nobody,
// judges nothing and changes nothing; its connection settings are those of nexus/forward.ts.
import { createServer } from "node:http";
import { Agent, type Dispatcher } from "undici";
import { connectionSettings } from "../../../nexus/forward.ts";

const origin = process.argv[2] ?? "";
const agent = new Agent(connectionSettings);

const server = createServer((incoming, outgoing) => {
  const headers = incoming.rawHeaders.filter((_, i, all) => {
    const name = all[i - (i % 2)]?.toLowerCase();
    return name !== "connection" && name !== "host";
  });
  agent.dispatch(
    {
      origin,
      path: incoming.url ?? "/",
      method: incoming.method as Dispatcher.HttpMethod,
      headers,
    },
    {
      onRequestStart(controller) {
        outgoing.on("drain", () => controller.resume());
        outgoing.once("close", () => {
          if (!outgoing.writableFinished) controller.abort(new Error("the client is gone"));
        });
      },
      onResponseStart(_controller, status, headers) {
        delete headers["connection"];
        delete headers["keep-alive"];
        outgoing.writeHead(status, headers as Record<string, string>);
      },
      onResponseData(controller, chunk) {
        if (!outgoing.write(chunk)) controller.pause();
      },
      onResponseEnd() {
        outgoing.end();
      },
      onResponseError() {
        outgoing.destroy();
      },
    },
  );
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`listening on ${address?.port}`);
});
