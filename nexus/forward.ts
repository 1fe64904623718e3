import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import { Agent, type Dispatcher } from "undici";
import type { HtmlComposer } from "./compose_html.ts";
import { canCompose, composedHeaders } from "./composition_rules.ts";
import { responseHeaders } from "./forwarded_headers.ts";
import { type AddressPair, publicCookie, publicLocation, publicRefresh } from "./public_address.ts";

/** One request to one upstream. */
export interface Forwarding {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** The name that errors carry. */
  readonly service: string;
  /** Path and query as the upstream gets them. */
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly addresses: AddressPair;
  /** Headers that every answer to a browser gets unless the service has set its own. */
  readonly defaultHeaders: Readonly<Record<string, string>>;
  /** Makes the composer when the answer turns out to be a document; absent: never compose. */
  readonly createComposer?: (() => HtmlComposer) | undefined;
}

export interface Forwarder {
  /** @throws {HttpError} 502 when the upstream refuses or breaks off before its head, 504 when it is late */
  forward(forwarding: Forwarding): Promise<void>;
  close(): Promise<void>;
}

/** How long an upstream may take to accept, to begin its answer, and between two of its bytes. */
const timeoutsMs = { connect: 3000, head: 120_000, idle: 600_000 };

export function createForwarder(): Forwarder {
  const agent = new Agent({
    connect: { timeout: timeoutsMs.connect },
    headersTimeout: timeoutsMs.head,
    bodyTimeout: timeoutsMs.idle,
    connections: 256,
    pipelining: 1,
  });
  return {
    forward: (forwarding) =>
      new Promise((resolve, reject) => {
        const { incoming, addresses, target, headers } = forwarding;
        const handler = new AnswerHandler(forwarding, resolve, reject);
        try {
          agent.dispatch(
            {
              origin: addresses.upstreamOrigin,
              path: target,
              method: (incoming.method ?? "GET") as Dispatcher.HttpMethod,
              headers,
              body: hasBody(incoming) ? incoming : null,
            },
            handler,
          );
        } catch (error) {
          reject(toHttpError(forwarding.service, error));
        }
      }),
    close: () => agent.destroy(),
  };
}

/** RFC 9112 §6.3: a request has a body when one of these says so. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Writes the upstream's answer to the browser as it comes, at the browser's pace. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #forwarding: Forwarding;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #composer: HtmlComposer | undefined;

  constructor(forwarding: Forwarding, resolve: () => void, reject: (error: unknown) => void) {
    this.#forwarding = forwarding;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { outgoing } = this.#forwarding;
    // The browser is gone: what the upstream still does is for nobody.
    outgoing.once("close", () => {
      if (!outgoing.writableFinished)
        controller.abort(new Error("the client closed the connection"));
    });
    outgoing.on("drain", () => controller.resume());
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const { outgoing, createComposer } = this.#forwarding;
    const raw = readRawHeaders(controller);
    // 1xx answers other than 101 come before the one that counts.
    if (status < 200) return;
    const headers = this.#answerHeaders(raw);
    const single = new Map(pairs(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const composes = createComposer !== undefined && canCompose(status, single);
    this.#composer = composes ? createComposer() : undefined;
    const final = composes
      ? composedHeaders(headers, this.#forwarding.addresses.publicOrigin)
      : headers;
    outgoing.writeHead(status, [...final, ...this.#missingHeaders(single)]);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { outgoing } = this.#forwarding;
    if (this.#composer === undefined) {
      if (!outgoing.write(chunk)) controller.pause();
      return;
    }
    for (const part of this.#composer.push(chunk)) {
      if (!outgoing.write(part)) controller.pause();
    }
  }

  onResponseEnd(): void {
    const { outgoing } = this.#forwarding;
    for (const part of this.#composer?.end() ?? []) outgoing.write(part);
    outgoing.end();
    this.#resolve();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { outgoing, service } = this.#forwarding;
    if (!outgoing.headersSent && !outgoing.destroyed) {
      this.#reject(toHttpError(service, error));
      return;
    }
    // Too late for another answer: a cut connection is the only honest sign that this one is not whole.
    outgoing.destroy();
    this.#resolve();
  }

  #answerHeaders(raw: string[]): string[] {
    const { addresses } = this.#forwarding;
    const headers = responseHeaders(raw);
    for (let i = 0; i < headers.length; i += 2) {
      const value = headers[i + 1] ?? "";
      const name = headers[i]?.toLowerCase();
      if (name === "location" || name === "content-location") {
        headers[i + 1] = publicLocation(value, addresses);
      } else if (name === "set-cookie") headers[i + 1] = publicCookie(value, addresses);
      else if (name === "refresh") headers[i + 1] = publicRefresh(value, addresses);
    }
    return headers;
  }

  #missingHeaders(present: ReadonlyMap<string, string>): string[] {
    return Object.entries(this.#forwarding.defaultHeaders)
      .filter(([name]) => !present.has(name))
      .flat();
  }
}

/** The answer's headers as they came, one character a byte. */
function readRawHeaders(controller: Dispatcher.DispatchController): string[] {
  const raw = controller.rawHeaders ?? [];
  return Array.isArray(raw)
    ? raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")))
    : [];
}

function pairs(flat: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let i = 0; i < flat.length; i += 2) found.push([flat[i] ?? "", flat[i + 1] ?? ""]);
  return found;
}

function toHttpError(service: string, error: unknown): HttpError {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const isLate = code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_CONNECT_TIMEOUT";
  if (isLate) {
    return new HttpError(504, `"${service}" did not answer in time`, { cause: error });
  }
  return new HttpError(502, `"${service}" cannot be reached at the moment`, {
    cause: error,
    headers: { "retry-after": "2" },
  });
}
