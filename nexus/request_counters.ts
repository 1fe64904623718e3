import { latencyBoundsMs, type ServiceRequestFigures } from "@hivematrix/lib/request_figures";

/** The requests to one service since this process began. A few additions a request, and no more. */
export class ServiceCounters {
  #requests = 0;
  #clientErrors = 0;
  #serverErrors = 0;
  #latencyMsSum = 0;
  readonly #buckets = new Float64Array(latencyBoundsMs.length + 1);
  openRequests = 0;
  openWebsockets = 0;

  /** @param latencyMs until the answer began; `undefined` where there was nobody left to answer */
  count(status: number, latencyMs: number | undefined): void {
    this.#requests++;
    if (latencyMs === undefined) return;
    if (status >= 500) this.#serverErrors++;
    else if (status >= 400) this.#clientErrors++;
    this.#latencyMsSum += latencyMs;
    let bucket = 0;
    // Most are found at once: services answer within a few milliseconds.
    while (latencyMs > (latencyBoundsMs[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  figures(): ServiceRequestFigures {
    return {
      requests: this.#requests,
      client_errors: this.#clientErrors,
      server_errors: this.#serverErrors,
      latency_ms_sum: Math.round(this.#latencyMsSum * 1000) / 1000,
      latency_buckets: [...this.#buckets],
      open_requests: this.openRequests,
      open_websockets: this.openWebsockets,
    };
  }
}

/** The requests to every service, and under `nexus` those that Nexus answers itself. */
export class RequestCounters {
  readonly #services = new Map<string, ServiceCounters>();
  readonly own = this.of("nexus");

  /** @param name of a service of services.json: what anybody may send makes no entry here */
  of(name: string): ServiceCounters {
    let counters = this.#services.get(name);
    if (counters === undefined) {
      counters = new ServiceCounters();
      this.#services.set(name, counters);
    }
    return counters;
  }

  figures(): Record<string, ServiceRequestFigures> {
    const all = [...this.#services].map(([name, counters]) => [name, counters.figures()]);
    return Object.fromEntries(all);
  }
}
