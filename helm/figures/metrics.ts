import { latencyBoundsMs } from "@hivematrix/lib/request_figures";
import type { PlatformStatus } from "../control/platform_status.ts";
import type { ServiceState, ServiceStatus } from "../services/service_status.ts";
import type { Figures } from "./figures.ts";
import { histogramSamples, PrometheusText, type Sample } from "./prometheus_text.ts";

const states: readonly ServiceState[] = [
  "stopped",
  "starting",
  "ready",
  "unhealthy",
  "stopping",
  "crash-looping",
];

/** What Prometheus reads: every service's state, what it uses, and its requests as Nexus saw them. */
export function metricsText(
  { services }: Pick<PlatformStatus, "services">,
  figures: Figures,
  nowMs = Date.now(),
): string {
  const text = new PrometheusText();
  const gauge = (name: string, help: string, read: Read) =>
    text.metric(name, "gauge", help, samplesOf(services, read));
  const counter = (name: string, help: string, read: Read) =>
    text.metric(name, "counter", help, samplesOf(services, read));

  gauge("hivematrix_service_up", "Whether the service is ready.", ({ state }) =>
    state === "ready" ? 1 : 0,
  );
  text.metric(
    "hivematrix_service_state",
    "gauge",
    "1 for the state that the service is in.",
    services.flatMap(({ name, state }) =>
      states.map((each) => ({
        labels: { service: name, state: each },
        value: each === state ? 1 : 0,
      })),
    ),
  );
  counter(
    "hivematrix_service_restarts_total",
    "Restarts by Helm since the service was last asked to start.",
    ({ restarts }) => restarts,
  );
  gauge(
    "hivematrix_service_start_time_seconds",
    "When the service's process began, since 1970.",
    ({ startedAt }) => startedAt && Date.parse(startedAt) / 1000,
  );
  counter(
    "hivematrix_service_cpu_seconds_total",
    "Processor time of the service's processes.",
    ({ cpuSeconds }) => cpuSeconds,
  );
  gauge(
    "hivematrix_service_resident_memory_bytes",
    "Resident memory of the service's processes, what they share counted once.",
    ({ memoryBytes }) => memoryBytes,
  );
  gauge(
    "hivematrix_service_processes",
    "How many processes the service has.",
    ({ processes }) => processes,
  );
  requestMetrics(text, services, figures, nowMs);
  ownMetrics(text);
  return text.toString();
}

type Read = (service: ServiceStatus) => number | undefined | "";

function samplesOf(services: readonly ServiceStatus[], read: Read): Sample[] {
  return services.flatMap((service) => {
    const value = read(service);
    return typeof value === "number" ? [{ labels: { service: service.name }, value }] : [];
  });
}

/** Since Helm began to count, as Prometheus expects of a counter. */
function requestMetrics(
  text: PrometheusText,
  services: readonly ServiceStatus[],
  figures: Figures,
  nowMs: number,
): void {
  const counted = services.flatMap(({ name: service }) => {
    const counts = figures.totalsOf(service);
    return counts === undefined ? [] : [{ service, counts }];
  });
  text.metric(
    "hivematrix_service_requests_total",
    "counter",
    "Requests that Nexus has sent on to the service, or for nexus: has answered itself.",
    counted.map(({ service, counts }) => ({ labels: { service }, value: counts.requests })),
  );
  text.metric(
    "hivematrix_service_request_errors_total",
    "counter",
    "Requests answered with a status of 4xx (client) or 5xx (server).",
    counted.flatMap(({ service, counts }) => [
      { labels: { service, class: "client" }, value: counts.client_errors },
      { labels: { service, class: "server" }, value: counts.server_errors },
    ]),
  );
  text.metric(
    "hivematrix_service_request_duration_seconds",
    "histogram",
    "Time until the service's answer began, as Nexus saw it.",
    counted.flatMap(({ service, counts }) =>
      histogramSamples(
        { service },
        latencyBoundsMs.map((bound) => bound / 1000),
        counts.latency_buckets,
        counts.latency_ms_sum / 1000,
      ),
    ),
  );
  const open = counted.map(({ service }) => ({ service, ...figures.sources.open(service, nowMs) }));
  text.metric(
    "hivematrix_service_open_requests",
    "gauge",
    "Requests under way now, event streams among them.",
    open.map(({ service, requests }) => ({ labels: { service }, value: requests })),
  );
  text.metric(
    "hivematrix_service_open_websockets",
    "gauge",
    "WebSockets open now.",
    open.map(({ service, websockets }) => ({ labels: { service }, value: websockets })),
  );
}

/** Of Helm's own process, under the names that Prometheus' client libraries use. */
function ownMetrics(text: PrometheusText): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  const startedAt = Date.now() / 1000 - process.uptime();
  const own = (name: string, type: "counter" | "gauge", help: string, value: number) =>
    text.metric(name, type, help, [{ value }]);
  own(
    "process_cpu_seconds_total",
    "counter",
    "Processor time of Helm itself.",
    (user + system) / 1e6,
  );
  own("process_resident_memory_bytes", "gauge", "Resident memory of Helm itself.", rss);
  own("process_start_time_seconds", "gauge", "When Helm itself began, since 1970.", startedAt);
  own(
    "nodejs_heap_size_used_bytes",
    "gauge",
    "Of Helm's JavaScript heap, what is in use.",
    heapUsed,
  );
  own("nodejs_heap_size_total_bytes", "gauge", "Helm's JavaScript heap.", heapTotal);
}
