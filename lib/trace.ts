// Who asked for what, across services: a request id for people, W3C Trace Context for tools.
import { randomFillSync } from "node:crypto";

export interface Trace {
  readonly requestId: string;
  /** `00-<trace id>-<parent id>-<flags>` (W3C Trace Context §3.2) */
  readonly traceparent: string;
}

/** The trace that a request carries (Nexus sets both headers), or a new one. */
export function readTrace(headers: Headers): Trace {
  const requestId = headers.get("x-request-id") ?? "";
  const traceparent = headers.get("traceparent") ?? "";
  return {
    // What is not an id of ours could be meant to mislead a reader of the log.
    requestId: /^[\w.-]{8,64}$/.test(requestId) ? requestId : createRequestId(),
    traceparent: isTraceparent(traceparent) ? traceparent : createTraceparent(),
  };
}

export function createRequestId(): string {
  return randomHex(12);
}

/** A new trace, or a new span within the given one, which also decides whether it is recorded. */
export function createTraceparent(parent?: string): string {
  if (parent === undefined) return `00-${randomHex(16)}-${randomHex(8)}-01`;
  const [, traceId, , flags] = parent.split("-");
  return `00-${traceId}-${randomHex(8)}-${flags}`;
}

const pool = Buffer.alloc(6 * 1024);
let used = pool.length;

/** From a stock of random bytes: asking the system for a few at a time costs more than using them. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

export function isTraceparent(text: string): boolean {
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text);
}
