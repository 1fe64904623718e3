// For tests: HTTP written by hand, for requests that no client library would send.
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * A connection to a server on which a test writes what it likes.
 *
 * @param localAddress where it comes from; all of 127.0.0.0/8 is this machine
 */
export async function connectRaw(url: URL, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port: Number(url.port), host: url.hostname, localAddress });
  await once(socket, "connect");
  return socket;
}

/** Sends the lines as they are (Latin-1) and returns all that comes back until the server closes. */
export async function sendRaw(url: URL, lines: readonly string[]): Promise<string> {
  const socket = await connectRaw(url);
  socket.setEncoding("latin1");
  socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}
