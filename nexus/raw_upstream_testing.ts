// For tests: a service on bare sockets. It reads requests strictly, keeps every byte of them, and
// answers with the very bytes that a test gives it.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { TestScope } from "@hivematrix/lib/testing";

export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn, a character a byte. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The lines behind the last chunk. */
  readonly trailers: readonly string[];
  readonly socket: Socket;
  /** How many requests came before it on its connection. */
  readonly index: number;
  /** All values of a header. */
  headers(name: string): string[];
}

export interface RawUpstream {
  readonly url: string;
  readonly requests: RawRequest[];
  /** What was no request: nothing should ever stand here. */
  readonly garbage: string[];
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  answer(answer: (request: RawRequest) => unknown): void;
}

/** Answers with "hello" until it is told otherwise, and keeps connections open. */
export async function startRawUpstream(scope: TestScope): Promise<RawUpstream> {
  const requests: RawRequest[] = [];
  const garbage: string[] = [];
  const sockets = new Set<Socket>();
  let answer: (request: RawRequest) => unknown = ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    let received = Buffer.alloc(0);
    let index = 0;
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        for (;;) {
          const read = readRequest(received);
          if (read === undefined) return;
          received = received.subarray(read.length);
          const { rawHeaders } = read;
          const headers = (name: string) =>
            rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
          const request = { ...read, headers, socket, index: index++ };
          requests.push(request);
          answer(request);
        }
      } catch (error) {
        garbage.push(`${error}: ${received.toString("latin1")}`);
        socket.destroy();
      }
    });
    socket.on("end", () => {
      if (received.length > 0) garbage.push(`cut off: ${received.toString("latin1")}`);
      socket.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    garbage,
    sockets,
    answer(next) {
      answer = next;
    },
  };
}

interface ReadRequest extends Pick<RawRequest, "method" | "target" | "rawHeaders" | "body"> {
  readonly trailers: readonly string[];
  readonly length: number;
}

/** The first request of these bytes, once it is whole. @throws {Error} for what is none */
function readRequest(bytes: Buffer): ReadRequest | undefined {
  const text = bytes.toString("latin1");
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [requestLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const [, method = "", target = ""] = /^([!-~]+) ([!-~]+) HTTP\/1\.1$/.exec(requestLine) ?? [];
  if (method === "") throw new Error("no request line");
  const rawHeaders = lines.flatMap((line) => {
    const [, name, value] =
      /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no header: ${line}`);
    return [name, value];
  });
  const valuesOf = (wanted: string) =>
    rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === wanted);
  const [lengths, codings] = [valuesOf("content-length"), valuesOf("transfer-encoding")];
  if (lengths.length + codings.length > 1) throw new Error("ambiguous framing");
  const bodyStart = headEnd + 4;
  if (codings.length === 1) {
    if (codings[0] !== "chunked") throw new Error(`unknown coding: ${codings[0]}`);
    const read = readChunks(bytes, bodyStart);
    return read && { method, target, rawHeaders, ...read };
  }
  if (lengths.length === 1 && !/^\d+$/.test(lengths[0] ?? "")) throw new Error("no length");
  const length = bodyStart + Number(lengths[0] ?? 0);
  if (bytes.length < length) return undefined;
  const body = bytes.subarray(bodyStart, length);
  return { method, target, rawHeaders, body, trailers: [], length };
}

/** RFC 9112 §7.1, without chunk extensions. */
function readChunks(bytes: Buffer, start: number) {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString("latin1", at, lineEnd);
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) throw new Error(`no chunk size: ${line}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const rest = bytes.toString("latin1", at);
      const end = rest.startsWith("\r\n") ? 0 : rest.indexOf("\r\n\r\n") + 2;
      if (end === 1) return undefined;
      const trailers = rest.slice(0, end).split("\r\n").filter(Boolean);
      return { body: Buffer.concat(parts), trailers, length: at + end + 2 };
    }
    if (bytes.length < at + size + 2) return undefined;
    if (bytes.toString("latin1", at + size, at + size + 2) !== "\r\n")
      throw new Error("no chunk end");
    parts.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}
