import { HttpError } from "@hivematrix/lib/http_error";
import {
  latencyBoundsMs,
  type RequestFiguresPush,
  type ServiceRequestFigures,
} from "@hivematrix/lib/request_figures";

const maxServices = 500;

/** What Nexus has sent, looked at once. @throws {HttpError} 400 naming what is wrong */
export function readPush(body: unknown): RequestFiguresPush {
  const push = requireRecord(body, "the body");
  const { instance, age_seconds, latency_bounds_ms, services } = push;
  if (typeof instance !== "string" || !/^[\w-]{1,64}$/.test(instance)) {
    throw refused("instance has to be up to 64 letters, digits and dashes");
  }
  if (!isCount(age_seconds)) throw refused("age_seconds has to be a number of seconds");
  if (JSON.stringify(latency_bounds_ms) !== JSON.stringify(latencyBoundsMs)) {
    // Nexus is another version, and is about to be started anew with this one.
    throw refused(`latency_bounds_ms has to be ${JSON.stringify(latencyBoundsMs)}`);
  }
  const entries = Object.entries(requireRecord(services, "services"));
  if (entries.length > maxServices) throw refused(`there are more than ${maxServices} services`);
  return {
    instance,
    age_seconds,
    latency_bounds_ms: latencyBoundsMs,
    services: Object.fromEntries(entries.map(([name, counts]) => [name, readCounts(name, counts)])),
  };
}

const countNames = [
  "requests",
  "client_errors",
  "server_errors",
  "latency_ms_sum",
  "open_requests",
  "open_websockets",
] as const;

function readCounts(name: string, value: unknown): ServiceRequestFigures {
  if (!/^[a-z][a-z0-9_-]{0,63}$/.test(name)) throw refused(`"${name}" is no name of a service`);
  const counts = requireRecord(value, `services.${name}`);
  for (const key of countNames) {
    if (!isCount(counts[key])) throw refused(`services.${name}.${key} has to be a count`);
  }
  const buckets = counts["latency_buckets"];
  const isRight = Array.isArray(buckets) && buckets.length === latencyBoundsMs.length + 1;
  if (!isRight || !buckets.every(isCount)) {
    throw refused(`services.${name}.latency_buckets has to be a count for each bucket`);
  }
  return counts as unknown as ServiceRequestFigures;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function requireRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw refused(`${what} has to be an object`);
}

function refused(reason: string): HttpError {
  return new HttpError(400, `Cannot take these figures: ${reason}`);
}
