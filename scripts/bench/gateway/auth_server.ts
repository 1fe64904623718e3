// For the gateway's benchmark: what stands beside nginx and answers its `auth_request`. It knows the
// session by its cookie and asks nobody, so it costs no more than any such server has to.
import { createServer } from "node:http";

const cookie = process.argv[2];

const server = createServer((incoming, outgoing) => {
  const isKnown = incoming.headers.cookie === cookie;
  // With a length: nginx keeps the connection only where no body can follow.
  outgoing.writeHead(isKnown ? 200 : 401, { "x-user": "ada", "content-length": 0 }).end();
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`listening on ${address?.port}`);
});
