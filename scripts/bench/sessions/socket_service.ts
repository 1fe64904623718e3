// A service behind Nexus that accepts every WebSocket and keeps it. Started like a service.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const server = createServer((_incoming, outgoing) => outgoing.end("{}"));
new WebSocketServer({ server, perMessageDeflate: false });
server.listen(Number(process.env["PORT"]), "127.0.0.1");
