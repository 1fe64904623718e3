// For tests over HTTP/2: a gateway over TLS, and a client that shows answers as they come.
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from "node:http2";
import { buffer } from "node:stream/consumers";
import type { TestScope } from "@hivematrix/lib/testing";
import { startNexus, type TestNexus, type TestNexusOptions } from "./testing.ts";

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly body: Buffer;
}

export interface Http2Client {
  readonly session: ClientHttp2Session;
  /** Sends the head of a request; `authorization` is there already. */
  begin(headers: OutgoingHttpHeaders, options?: { endStream?: boolean }): ClientHttp2Stream;
  /** A whole request and its whole answer. */
  send(headers: OutgoingHttpHeaders, body?: Buffer | string): Promise<Http2Answer>;
}

/** A connection of its own, closed with the test. */
export async function connectHttp2(
  scope: TestScope,
  origin: string,
  authorization?: string,
): Promise<Http2Client> {
  const session = connect(origin, { rejectUnauthorized: false });
  scope.after(() => session.destroy());
  session.on("error", () => {}); // What breaks shows at the streams.
  await once(session, "connect");
  const begin: Http2Client["begin"] = (headers, options) => {
    const given = authorization === undefined ? {} : { authorization };
    return session.request({ ...given, ...headers }, options);
  };
  return {
    session,
    begin,
    async send(headers, body) {
      const stream = begin(headers, { endStream: body === undefined });
      if (body !== undefined) stream.end(body);
      return await answerOf(stream);
    },
  };
}

/** @throws what the stream was reset with, before or in the middle of the answer */
export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const [headers] = (await once(stream, "response")) as [Http2Answer["headers"]];
  const body = await buffer(stream);
  if (stream.rstCode !== 0) throw new Error(`the stream was reset with code ${stream.rstCode}`);
  return { status: headers[":status"] ?? 0, headers, body };
}

/** A gateway over TLS and an HTTP/2 client of it that is signed in by token. */
export async function startHttp2(
  scope: TestScope,
  options: TestNexusOptions = {},
): Promise<Http2Client & { nexus: TestNexus; authorization: string }> {
  const nexus = await startNexus(scope, { ...options, isSecure: true });
  const authorization = `Bearer ${await nexus.obtainToken()}`;
  return { ...(await connectHttp2(scope, nexus.origin, authorization)), nexus, authorization };
}
