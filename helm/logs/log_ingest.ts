import { appendFileSync, closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { Auth, CallerContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler, Route } from "@hivematrix/lib/router";
import { logFile } from "../control/log_tail.ts";
import { FloodGate } from "./flood_gate.ts";
import { readIngestedLines } from "./ingested_lines.ts";
import type { LogStore } from "./log_store.ts";

const maxBodyBytes = 1024 * 1024;
/** Of a file whose lines wait for the database: rotation takes away what is beyond 10 MB. */
const maxWaitingBytes = 4_000_000;

export interface IngestParts {
  readonly logDir: string;
  readonly logs: Pick<LogStore, "isStoring">;
  /** Of one service; below what the store takes (log_follower.ts), so that nothing is left out there. */
  readonly createGate?: () => FloodGate;
}

/** For services that push their log instead of printing it. */
export function ingestRoutes(parts: IngestParts, auth: Auth): Route[] {
  const handler = auth.tokenRequired(ingest(parts));
  return [{ method: "POST", path: "/api/logs/ingest", handler, isQuiet: true }];
}

/**
 * POST /api/logs/ingest {service_name, logs: […]}: 202 with the number of lines, once they stand in the
 * service's log file, from where they go the way of all others: to whoever follows, and into the
 * database, also when that is away just now.
 *
 * @throws {HttpError} 403 for anybody but the service itself, 400 naming the field that is wrong, 429
 *   for too many, 503 while so much waits for the database that rotation might take lines away
 */
function ingest({
  logDir,
  logs,
  createGate = () => new FloodGate({ linesPerSecond: 500, maxAtOnce: 20_000 }),
}: IngestParts): Handler<CallerContext> {
  const gates = new Map<string, FloodGate>();
  return async (request, { caller }) => {
    if (caller.kind !== "service") throw new HttpError(403, "This is for services, not for people");
    const { service } = caller;
    const body = await readJsonFields(request, ["service_name"], { maxBodyBytes });
    if (body.service_name !== service) {
      const named = JSON.stringify(body.service_name.slice(0, 100));
      throw new HttpError(
        403,
        `Cannot take the log of ${named}: the token is that of "${service}"`,
      );
    }
    const lines = readIngestedLines(service, body["logs"], Date.now());
    const file = logFile(logDir, service);
    if (!logs.isStoring && sizeOf(file) > maxWaitingBytes) {
      throw later(503, "so much of it waits for Helm's database, which is away", 10);
    }
    const gate = gates.get(service) ?? createGate();
    gates.set(service, gate);
    if (!gate.takes(lines.length)) throw later(429, "too many lines at once", 5);
    // At once, so that rotation, which happens in this process, cannot fall in between.
    appendFileSync(file, `${isWithinLine(file) ? "\n" : ""}${lines.join("")}`, { mode: 0o600 });
    return Response.json({ accepted: lines.length }, { status: 202 });
  };
}

function later(status: number, reason: string, seconds: number): HttpError {
  const headers = { "retry-after": String(seconds) };
  return new HttpError(status, `Cannot take the log now: ${reason}`, { headers });
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** A service that was killed may have left half a line. */
function isWithinLine(file: string): boolean {
  if (sizeOf(file) === 0) return false;
  const descriptor = openSync(file, "r");
  try {
    const last = Buffer.alloc(1);
    readSync(descriptor, last, 0, 1, fstatSync(descriptor).size - 1);
    return last[0] !== 0x0a;
  } finally {
    closeSync(descriptor);
  }
}
