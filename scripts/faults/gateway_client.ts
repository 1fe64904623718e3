// Sends requests through gateways, judges each by the model, and keeps what stays open.
import { Agent, request as httpRequest } from "node:http";
import type { Readable } from "node:stream";
import type { TestScope } from "@hivematrix/lib/testing";
import type {
  ModelRequest,
  ModelSession,
  RequestKind,
  RevocationModel,
} from "./revocation_model.ts";

/** Longer than any pause: a request to a stopped gateway waits for it. */
const timeoutMs = 20_000;

export interface OpenConnection {
  readonly request: ModelRequest;
  readonly openedAtMs: number;
  closedAtMs?: number;
  close(): void;
}

export interface GatewayClientOptions {
  /** What the Host header has to say. */
  readonly host: string;
  readonly portOf: (nexus: number) => number;
  /** A connection that was open is cut. */
  readonly onClosed: (connection: OpenConnection) => void;
}

export interface GatewayRequest {
  readonly session: ModelSession;
  readonly nexus: number;
  readonly kind: RequestKind;
  readonly credential: "cookie" | "bearer";
  /** On a connection of its own, instead of one that was used before. */
  readonly isFresh: boolean;
}

const paths: Readonly<Record<RequestKind, string>> = {
  echo: "/upstream/echo",
  me: "/api/me",
  stream: "/upstream/stream",
  socket: "/upstream/socket",
};

const webSocket = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

export class GatewayClient {
  readonly #model: RevocationModel;
  readonly #host: string;
  readonly #portOf: (nexus: number) => number;
  readonly #agents = new Map<number, Agent>();
  readonly #underWay = new Map<number, { request: ModelRequest; isJudged: boolean }>();
  readonly #pending = new Set<Promise<number>>();
  readonly #onClosed: (connection: OpenConnection) => void;
  readonly connections = new Set<OpenConnection>();
  sent = 0;

  constructor(scope: TestScope, model: RevocationModel, options: GatewayClientOptions) {
    this.#model = model;
    this.#host = options.host;
    this.#portOf = options.portOf;
    this.#onClosed = options.onClosed;
    scope.after(() => {
      for (const connection of this.connections) connection.close();
      for (const agent of this.#agents.values()) agent.destroy();
    });
  }

  /** @returns the answer's status, or 0 */
  send(wanted: GatewayRequest): Promise<number> {
    const { isFresh, ...rest } = wanted;
    const number = ++this.sent;
    const request: ModelRequest = { ...rest, number, beganAtMs: performance.now() };
    this.#underWay.set(number, { request, isJudged: false });
    const sending = this.#exchange(request, isFresh);
    this.#pending.add(sending);
    void sending.then(() => this.#pending.delete(sending));
    return sending;
  }

  /** A request has reached the service behind the gateways. */
  reached(number: number): void {
    this.#judgeServed(number, "reached the upstream");
  }

  /** Waits for the answers of all that was sent. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    for (const [number, { isJudged }] of this.#underWay)
      if (isJudged) this.#underWay.delete(number);
  }

  #exchange(request: ModelRequest, isFresh: boolean): Promise<number> {
    const { session, nexus, kind, number, credential } = request;
    const staysOpen = kind === "stream" || kind === "socket";
    const sent = httpRequest({
      host: "127.0.0.1",
      port: this.#portOf(nexus),
      path: `${paths[kind]}?request=${number}`,
      headers: {
        host: this.#host,
        ...(credential === "cookie"
          ? { cookie: session.cookie }
          : { authorization: `Bearer ${session.token}` }),
        ...(kind === "socket" ? webSocket : {}),
      },
      agent: isFresh || staysOpen ? false : this.#agentOf(nexus),
    });
    return new Promise((resolve) => {
      const finish = (status: number) => {
        clearTimeout(timer);
        if (status >= 200 && status < 300) this.#judgeServed(number, `was answered ${status}`);
        else if (status === 101) this.#judgeServed(number, "was joined to the upstream");
        else this.#judgeRefused(number, status);
        resolve(status);
      };
      const timer = setTimeout(() => sent.destroy(), timeoutMs);
      sent.once("error", () => finish(0));
      sent.once("response", (response) => {
        const { statusCode = 0 } = response;
        if (kind === "stream" && statusCode === 200) this.#keep(request, response);
        response.on("error", () => {});
        response.resume();
        finish(statusCode);
      });
      sent.once("upgrade", (response, socket) => {
        this.#keep(request, socket);
        socket.on("error", () => socket.destroy());
        socket.on("end", () => socket.destroy());
        socket.resume();
        finish(response.statusCode ?? 0);
      });
      sent.end();
    });
  }

  #keep(request: ModelRequest, connection: Readable): void {
    const openedAtMs = performance.now();
    const kept: OpenConnection = { request, openedAtMs, close: () => connection.destroy() };
    this.connections.add(kept);
    connection.once("close", () => {
      kept.closedAtMs = performance.now();
      this.#onClosed(kept);
    });
  }

  #judgeServed(number: number, how: string): void {
    const known = this.#underWay.get(number);
    if (known === undefined || known.isJudged) return;
    known.isJudged = true;
    this.#model.served(known.request, how);
  }

  /** Refusing what has reached the service already is its answer lost, nothing more. */
  #judgeRefused(number: number, status: number): void {
    const known = this.#underWay.get(number);
    if (known === undefined || known.isJudged) return;
    // The request may still be on its way to the service: it stays to be judged.
    this.#model.refused(known.request, status);
  }

  #agentOf(nexus: number): Agent {
    const known = this.#agents.get(nexus) ?? new Agent({ keepAlive: true });
    this.#agents.set(nexus, known);
    return known;
  }
}
