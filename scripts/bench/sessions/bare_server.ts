// What any figure is compared with: node:http itself, which reads a body and answers the text that
// ANSWER has. Started like a service.
import { createServer } from "node:http";

const answer = process.env["ANSWER"] ?? "";
const headers = { "content-type": "application/json", "cache-control": "no-store" };
createServer((incoming, outgoing) => {
  incoming.resume();
  incoming.once("end", () => outgoing.writeHead(200, headers).end(answer));
}).listen(Number(process.env["PORT"]), "127.0.0.1");
