// For tests: counts as a process of Nexus tells them.
import {
  latencyBoundsMs,
  type RequestFiguresPush,
  type ServiceRequestFigures,
} from "@hivematrix/lib/request_figures";

/** So many requests, each of 3 ms; the overrides replace some of the counts. */
export function countsOf(
  requests: number,
  overrides: Partial<ServiceRequestFigures> = {},
): ServiceRequestFigures {
  return {
    requests,
    client_errors: 0,
    server_errors: 0,
    latency_ms_sum: requests * 3,
    latency_buckets: [...latencyBoundsMs.map((bound) => (bound === 5 ? requests : 0)), 0],
    open_requests: 0,
    open_websockets: 0,
    ...overrides,
  };
}

export function pushOf(
  instance: string,
  ageSeconds: number,
  services: RequestFiguresPush["services"],
): RequestFiguresPush {
  return {
    instance,
    age_seconds: ageSeconds,
    latency_bounds_ms: latencyBoundsMs,
    services,
  };
}
