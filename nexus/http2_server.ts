import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { Server } from "node:https";
import type { TLSSocket } from "node:tls";
import { Http2Request, Http2Response } from "./http2_request.ts";
import type { NexusLimits } from "./limits.ts";
import { plainAnswer } from "./unreadable_request.ts";

/** Requests of one connection at a time; RFC 9113 §6.5.2 advises at least 100. */
const maxConcurrentStreams = 128;

/**
 * Streams that a client may reset in a sweep's time: a browser that leaves a page full of pictures
 * again and again needs some hundred. nghttp2's own bound leaves the connection open.
 */
const maxResets = 500;

const longestSweepMs = 10_000;

/**
 * The most that a client may send before it has been read: with the protocol's default of 64 KiB an
 * upload would wait for a whole way there and back after each 64 KiB.
 */
const windowSize = 256 * 1024;
const connectionWindowSize = 1024 * 1024;

/**
 * Serves HTTP/2 on the connections of a TLS server that have agreed on it; the server goes on serving
 * HTTP/1.1 and upgrades itself, as if there were nothing else, and gets both kinds as "request". Its
 * "session" events are for close_server.ts.
 *
 * What node 20.20 and nghttp2 1.61 bound by themselves: CONTINUATION frames (8 a block), PINGs and
 * SETTINGS that nobody reads the answers to, memory a connection (10 MB).
 */
export function serveHttp2(
  server: Server,
  { header_bytes, header_count, keep_alive_seconds }: NexusLimits,
  idleTimeoutMs: number,
): void {
  const http2 = createHttp2Server({
    Http2ServerRequest: Http2Request,
    Http2ServerResponse: Http2Response,
    // Twice what head_limits.ts lets pass, as with the size below: beyond that no answer is possible.
    maxHeaderListPairs: 2 * header_count,
    maxSessionInvalidFrames: 100,
    settings: {
      enablePush: false,
      initialWindowSize: windowSize,
      maxConcurrentStreams,
      maxHeaderListSize: 2 * header_bytes,
    },
  });
  http2.setTimeout(idleTimeoutMs);
  http2.on("request", (incoming, outgoing) => {
    if (sizeOf(incoming.rawHeaders) <= header_bytes) {
      server.emit("request", incoming, outgoing);
      return;
    }
    const { headers, text } = plainAnswer(431);
    outgoing.writeHead(431, headers).end(text);
  });
  // A stream may be silent while its connection is not.
  http2.on("stream", (stream) => {
    stream.setTimeout(idleTimeoutMs, () => stream.close(constants.NGHTTP2_CANCEL));
  });
  divert(server, http2);
  watchSessions(server, http2, keep_alive_seconds * 1000);
}

function sizeOf(rawHeaders: readonly string[]): number {
  let size = 0;
  for (const part of rawHeaders) size += part.length;
  return size;
}

interface SessionState {
  /** How many are under way. */
  requests: number;
  idleSince: number;
  /** By the client, since the last sweep. */
  resets: number;
}

/** Takes the connections that have agreed on HTTP/2 (ALPN, RFC 7301), and leaves the rest. */
function divert(server: Server, http2: Http2Server): void {
  const http1 = server.listeners("secureConnection");
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") http2.emit("connection", socket);
    else for (const listener of http1) listener.call(server, socket);
  });
}

/** Ends connections that are idle for long, or abused. */
function watchSessions(server: Server, http2: Http2Server, keepAliveMs: number): void {
  const sessions = new Map<ServerHttp2Session, SessionState>();
  http2.on("session", (session) => {
    const state: SessionState = { requests: 0, idleSince: performance.now(), resets: 0 };
    sessions.set(session, state);
    session.once("close", () => sessions.delete(session));
    session.on("stream", (stream) => {
      state.requests++;
      stream.once("close", () => {
        state.requests--;
        state.idleSince = performance.now();
        // Rapid reset (CVE-2023-44487): each is work for us and none for the client.
        if (stream.rstCode === constants.NGHTTP2_NO_ERROR || ++state.resets <= maxResets) return;
        session.destroy(new Error("too many resets"), constants.NGHTTP2_ENHANCE_YOUR_CALM);
      });
    });
    session.setLocalWindowSize(connectionWindowSize);
    server.emit("session", session);
    if (!server.listening) session.close();
  });
  const sweep = () => {
    const limit = performance.now() - keepAliveMs;
    for (const [session, state] of sessions) {
      if (state.requests === 0 && state.idleSince < limit) session.close();
      state.resets = 0;
    }
  };
  const timer = setInterval(sweep, Math.min(longestSweepMs, keepAliveMs / 4)).unref();
  server.once("close", () => clearInterval(timer));
}
