// For the gateway's benchmark: the gateways of npm that people would pick, with their own defaults,
// but with connections to the upstream kept open. They authenticate nobody.
// Words: which, the folder in which it is installed, the upstream's address.
import { createServer, Agent as HttpAgent } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [which = "", folder = "", upstreamUrl = ""] = process.argv.slice(2);
const load = createRequire(join(folder, "package.json"));

const listening = (port: number) => console.log(`listening on ${port}`);

if (which === "@fastify/http-proxy") {
  const app = load("fastify")();
  app.register(load("@fastify/http-proxy"), { upstream: upstreamUrl });
  const address = await app.listen({ port: 0, host: "127.0.0.1" });
  listening(Number(new URL(address).port));
} else {
  const agent = new HttpAgent({ keepAlive: true });
  const proxy = load(which).createProxyServer({ target: upstreamUrl, agent });
  const server = createServer((incoming, outgoing) => proxy.web(incoming, outgoing));
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (typeof address === "object") listening(address?.port ?? 0);
  });
}
