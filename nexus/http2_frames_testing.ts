// For tests: HTTP/2 frame by frame (RFC 9113 §4, §6), for what no client library would send.
import { once } from "node:events";
import { connect } from "node:tls";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";

export const frameTypes = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface FrameClient {
  /** What has come, in order. */
  readonly frames: readonly Frame[];
  readonly isClosed: boolean;
  send(type: keyof typeof frameTypes, stream: number, flags?: number, payload?: Buffer): void;
  waitForFrame(type: keyof typeof frameTypes, stream?: number): Promise<Frame>;
  /** Reads nothing more, as a client that is slow or hostile. */
  pause(): void;
}

/** A connection that has agreed on HTTP/2 and sent the preface and its settings. */
export async function connectFrames(scope: TestScope, origin: URL): Promise<FrameClient> {
  const socket = connect({
    host: origin.hostname,
    port: Number(origin.port),
    ALPNProtocols: ["h2"],
    rejectUnauthorized: false,
  });
  scope.after(() => socket.destroy());
  let isClosed = false;
  socket.on("error", () => {});
  socket.once("close", () => {
    isClosed = true;
  });
  await once(socket, "secureConnect");
  const frames: Frame[] = [];
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      const [type = 0, bits = 0] = rest.subarray(3, 5);
      const stream = rest.readUInt32BE(5);
      frames.push({ type, flags: bits, stream, payload: rest.subarray(9, end) });
      rest = rest.subarray(end);
    }
  });
  const client: FrameClient = {
    frames,
    get isClosed() {
      return isClosed;
    },
    send(type, stream, bits = 0, payload = Buffer.alloc(0)) {
      const head = Buffer.alloc(9);
      head.writeUIntBE(payload.length, 0, 3);
      head[3] = frameTypes[type];
      head[4] = bits;
      head.writeUInt32BE(stream, 5);
      if (socket.writable) socket.write(Buffer.concat([head, payload]));
    },
    waitForFrame: (type, stream) =>
      waitFor(
        () =>
          frames.find(
            (each) =>
              each.type === frameTypes[type] && (stream === undefined || each.stream === stream),
          ),
        { what: `a frame of type ${type} on stream ${stream}` },
      ),
    pause: () => void socket.pause(),
  };
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  // SETTINGS_HEADER_TABLE_SIZE 0: every answer's status is there to be read, none is an index.
  client.send("settings", 0, 0, Buffer.from([0, 1, 0, 0, 0, 0]));
  return client;
}

/** Fields as HPACK literals without indexing (RFC 7541 §6.2.2); names and values below 127 bytes. */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (part: string) => [integer(part.length), Buffer.from(part, "latin1")];
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), ...text(name), ...text(value)]),
  );
}

/** RFC 7541 §5.1, with a prefix of 7 bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

/** The head of a request for a page of this gateway. */
export function requestHead(
  origin: URL,
  path: string,
  { method = "GET", ...others }: Readonly<Record<string, string>> = {},
): Buffer {
  return headerBlock([
    [":method", method],
    [":scheme", "https"],
    [":authority", origin.host],
    [":path", path],
    ...Object.entries(others),
  ]);
}
