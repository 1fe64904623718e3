// For tests of forwarding: a client that sees bytes as they come and leaves none out.
import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { connectRaw } from "@hivematrix/lib/raw_http_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { startNexus, type TestNexus, type TestNexusOptions } from "./testing.ts";

/** A gateway and a client of it that is signed in by token and sees answers as they come. */
export async function startForwarding(scope: TestScope, options: TestNexusOptions = {}) {
  const nexus = await startNexus(scope, options);
  const authorization = `Bearer ${await nexus.obtainToken()}`;
  const begin = (method: string, path: string, headers: Record<string, string | string[]> = {}) =>
    httpRequest(new URL(nexus.origin), {
      method,
      path,
      headers: { authorization, ...headers },
      agent: false,
    });
  const send = async (method: string, path: string, headers = {}, body: Buffer | string = "") => {
    const answer = await answerOf(begin(method, path, headers).end(body));
    return { answer, body: await text(answer) };
  };
  return { nexus, authorization, begin, send };
}

export async function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = await once(sent, "response");
  return answer as IncomingMessage;
}

/** A request written by hand, on a connection of its own. */
export async function open(nexus: TestNexus, authorization: string, lines: string[], body = "") {
  const socket = await connectRaw(nexus.url);
  const head = [...lines, `Host: ${nexus.url.host}`, `Authorization: ${authorization}`];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    received += chunk;
  });
  return { socket, received: () => received };
}
