// What Nexus counts of the requests to each service, and how it tells Helm.

/**
 * Upper bounds of the latency buckets in milliseconds; one bucket more holds what took longer.
 * Services on one machine answer within a few of them.
 */
export const latencyBoundsMs: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000,
];

/** Counts since a process of Nexus began. The names are those on the wire. */
export interface RequestCounts {
  readonly requests: number;
  /** Answered with 4xx. */
  readonly client_errors: number;
  /** Answered with 5xx, by the service or, where it could not be reached, for it. */
  readonly server_errors: number;
  /** Of all requests that were answered: until the answer began. */
  readonly latency_ms_sum: number;
  /** How many answers began within each bound and beyond the one before; `latencyBoundsMs` and one more. */
  readonly latency_buckets: readonly number[];
}

export interface ServiceRequestFigures extends RequestCounts {
  /** Under way now, event streams among them. */
  readonly open_requests: number;
  readonly open_websockets: number;
}

/** `POST /api/figures/ingest` of Helm: the counts themselves, so that one lost or sent twice does no harm. */
export interface RequestFiguresPush {
  /** Of the process that counted; another one begins at zero. */
  readonly instance: string;
  readonly age_seconds: number;
  readonly latency_bounds_ms: readonly number[];
  readonly services: Readonly<Record<string, ServiceRequestFigures>>;
}
