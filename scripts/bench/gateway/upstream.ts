// For the gateway's benchmark: a service that costs as little as possible. Its answers are made once.
import { createServer, type ServerResponse } from "node:http";
import { Readable } from "node:stream";

const row = (i: number) =>
  `    <tr><td>${i}</td><td>Customer number ${i}</td><td><span class="badge">open</span></td></tr>\n`;

/** A document of at least so many bytes, as services write them. */
function makePage(bytes: number): Buffer {
  const head = `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Customers</title>
</head>
<body>
  <main class="card">
  <table>
`;
  const parts = [head];
  for (let i = 0, length = head.length; length < bytes; i++)
    length += parts[parts.push(row(i)) - 1]?.length ?? 0;
  return Buffer.from(`${parts.join("")}  </table>\n  </main>\n</body>\n</html>\n`);
}

const pages = new Map([
  ["/page", makePage(6 * 1024)],
  ["/megabyte", makePage(1024 * 1024)],
]);
const json = Buffer.from(
  JSON.stringify({ name: "Ada Lovelace", text: "x".repeat(160) }).padEnd(200),
);
const chunk = Buffer.alloc(64 * 1024, "x");

function send(outgoing: ServerResponse, type: string, body: Buffer): void {
  outgoing.writeHead(200, { "content-type": type, "content-length": body.length });
  outgoing.end(body);
}

const server = createServer((incoming, outgoing) => {
  // nginx and Apache pass the prefix on.
  const path = (incoming.url ?? "/").replace(/^\/template/, "");
  const page = pages.get(path);
  if (page !== undefined) return send(outgoing, "text/html; charset=utf-8", page);
  if (path === "/json") return send(outgoing, "application/json", json);
  if (path === "/gigabyte") {
    outgoing.writeHead(200, { "content-type": "application/octet-stream" });
    const chunks = (function* () {
      for (let sent = 0; sent < 1024 ** 3; sent += chunk.length) yield chunk;
    })();
    Readable.from(chunks, { objectMode: false }).pipe(outgoing);
    return;
  }
  outgoing.writeHead(404).end();
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`listening on ${address?.port}`);
});
