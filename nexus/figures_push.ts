import { randomUUID } from "node:crypto";
import type { Log } from "@hivematrix/lib/log";
import { latencyBoundsMs, type RequestFiguresPush } from "@hivematrix/lib/request_figures";
import type { ServiceClient } from "@hivematrix/lib/service_client";
import type { ServiceRegistry } from "@hivematrix/lib/service_registry";
import type { RequestCounters } from "./request_counters.ts";

const defaultEveryMs = 10_000;
/** So that Helm soon knows that somebody counts. */
const firstAfterMs = 1000;
/** A gateway that is about to end waits no longer than this for the last word. */
const lastWordMs = 500;

export interface FiguresPushParts {
  readonly counters: RequestCounters;
  readonly client: Pick<ServiceClient, "callService">;
  readonly registry: ServiceRegistry;
  readonly log: Log;
}

/**
 * Tells Helm every ten seconds what this process has counted since it began. While Helm is away that
 * is said in the next report: nothing depends on a single one, so nothing is tried again or logged.
 */
export class FiguresPush {
  readonly #parts: FiguresPushParts;
  readonly #everyMs: number;
  readonly #instance = randomUUID();
  readonly #beganAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isRefused = false;

  constructor(parts: FiguresPushParts, everyMs = defaultEveryMs) {
    this.#parts = parts;
    this.#everyMs = everyMs;
    this.#pushAfter(Math.min(firstAfterMs, everyMs));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#push(AbortSignal.timeout(lastWordMs));
  }

  #pushAfter(delayMs: number): void {
    this.#timer = setTimeout(async () => {
      await this.#push(AbortSignal.timeout(this.#everyMs));
      if (!this.#isClosed) this.#pushAfter(this.#everyMs);
    }, delayMs).unref();
  }

  async #push(signal: AbortSignal): Promise<void> {
    const { client, registry, counters } = this.#parts;
    if (registry.find("helm") === undefined) return;
    const push: RequestFiguresPush = {
      instance: this.#instance,
      age_seconds: (performance.now() - this.#beganAt) / 1000,
      latency_bounds_ms: latencyBoundsMs,
      services: counters.figures(),
    };
    try {
      const response = await client.callService("helm", "/api/figures/ingest", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(push),
        signal,
      });
      await this.#note(response);
    } catch {
      // Helm or Core is away.
    }
  }

  /** A Helm that is there and refuses is a fault, which is said once. */
  async #note(response: Response): Promise<void> {
    const { status } = response;
    const isRefused = status >= 400 && status < 500;
    if (isRefused && !this.#isRefused) {
      this.#parts.log.warn("Helm refuses the figures of requests", {
        status,
        reason: (await response.text()).slice(0, 500),
      });
    } else await response.body?.cancel();
    this.#isRefused = isRefused;
  }
}
