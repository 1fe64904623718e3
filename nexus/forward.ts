import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpError } from "@hivematrix/lib/http_error";
import { Agent } from "undici";
import { AnswerHandler } from "./answer_handler.ts";
import type { Composed } from "./composition.ts";
import type { AddressPair } from "./public_address.ts";
import { createConnector } from "./retry_rule.ts";

/** Where requests are sent on to. */
export interface Upstream extends AddressPair {
  /** The first segment of its public path, which its errors carry. */
  readonly name: string;
  readonly origin: string;
  /** What comes before the path that it sees as its own; mostly empty. */
  readonly basePath: string;
  /** What people are told instead when their failure is more than one service's. */
  explain?(failure: HttpError): HttpError;
}

/** The request that is sent on. */
export interface ForwardedRequest {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Set when the upstream's answer begins. */
  answeredAt: number | undefined;
  /**
   * Gets a 502 when the upstream refuses or breaks off before its head, a 504 when it is late:
   * nothing has been answered by then. Not called once an answer has begun.
   */
  fail(error: HttpError): void;
}

/** One request to one upstream. */
export interface Forwarding {
  readonly request: ForwardedRequest;
  /** Path and query as the upstream gets them. */
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly upstream: Upstream;
  /** Headers that every answer to a browser gets unless the service has set its own. */
  readonly defaultHeaders: Readonly<Record<string, string>>;
  /** The request's content where it has been read already; absent: it is sent on as it comes. */
  readonly content?: Buffer | undefined;
  /** What to do with a document; absent: pass it on like anything else. */
  readonly composition?: Composition | undefined;
}

export interface Composition {
  /** Whether this request is for a document; the answer to another may be kept, but not for one. */
  readonly isWanted: boolean;
  /** @param headers name and value in turn */
  compose(headers: readonly string[]): Composed;
}

/** A forwarding under way. */
export interface Exchange {
  /** The browser is gone: what the upstream still does is for nobody. */
  abort(): void;
}

export interface Forwarder {
  forward(forwarding: Forwarding): Exchange;
  close(): Promise<void>;
}

/** How long an upstream may take to accept, to begin its answer, and between two of its bytes. */
export interface UpstreamTimeouts {
  readonly connect: number;
  readonly head: number;
  readonly idle: number;
}

export const upstreamTimeoutsMs: UpstreamTimeouts = {
  connect: 3000,
  head: 120_000,
  idle: 600_000,
};

/**
 * For each upstream. An event stream or a download holds its connection for as long as it lasts, and
 * must not keep anybody else waiting; what one client may have open is bounded where it comes in
 * (connection_limit.ts).
 */
export const connectionSettings = { connections: 8192, pipelining: 1 };

/** @param bodyIdleMs for a client's body of which nothing arrives */
export function createForwarder(
  timeoutsMs: UpstreamTimeouts = upstreamTimeoutsMs,
  bodyIdleMs = 60_000,
): Forwarder {
  const agent = new Agent({
    ...connectionSettings,
    connect: createConnector(timeoutsMs.connect),
    headersTimeout: timeoutsMs.head,
    bodyTimeout: timeoutsMs.idle,
  });
  return {
    forward(forwarding) {
      const exchange = new AnswerHandler(forwarding, agent, bodyIdleMs);
      exchange.send();
      return exchange;
    },
    close: () => agent.destroy(),
  };
}
