import { request } from "node:http";
import type { Checkout } from "../config/checkout.ts";
import type { SyncReport } from "../config/config_manager.ts";
import { type DaemonRecord, readLiveDaemon } from "./daemon_file.ts";
import type { PlatformStatus } from "./platform_status.ts";

export type ServiceAction = "start" | "stop" | "restart";

/** The running daemon, as the command line talks to it. */
export interface ControlClient {
  readonly pid: number;
  status(): Promise<PlatformStatus>;
  /** Lines of the services' logs, the newest first; asked for as `GET /api/logs` is. */
  logs(query: URLSearchParams): Promise<LoggedLines>;
  /** Begins to start what does not run. */
  up(options: { isDev: boolean }): Promise<SyncReport>;
  /** @throws {ControlError} naming what does not become ready, and why */
  wait(): Promise<PlatformStatus>;
  /** @throws {ControlError} when it cannot be done, or the service does not become ready */
  act(name: string, action: ServiceAction): Promise<PlatformStatus>;
  /** Restarts all services. @throws {ControlError} naming what does not become ready, and why */
  restartAll(): Promise<PlatformStatus>;
  /**
   * Starts anew what runs with former settings, and waits for it.
   *
   * @throws {ControlError} when one of these does not become ready
   */
  apply(): Promise<{ readonly restarted: readonly string[] }>;
  /** Ends the daemon, and the services with it unless they are kept. */
  shutdown(options: { keepServices: boolean }): Promise<void>;
}

/** A page of lines; `older` leads to the next one. */
export interface LoggedLines {
  readonly lines: readonly { time: string; service: string; line: string }[];
  readonly older?: string;
  /** The files, while the database is away. */
  readonly source: "database" | "files";
}

/** What the daemon refused, or that it did not answer. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  /** Whether the daemon said so; otherwise it did not answer. */
  readonly isAnswer: boolean;

  constructor(message: string, isAnswer: boolean, cause?: unknown) {
    super(message, { cause });
    this.isAnswer = isAnswer;
  }
}

/**
 * A status comes at once or not at all; an action takes as long as the services do. The daemon gives
 * up when nothing changes; this is only for one that hangs, longer than any download should take.
 */
const statusTimeoutMs = 10_000;
const actionTimeoutMs = 60 * 60 * 1000;

/** @returns `undefined` when no daemon of this checkout runs */
export async function connectDaemon(checkout: Checkout): Promise<ControlClient | undefined> {
  const record = await readLiveDaemon(checkout);
  return record === undefined ? undefined : createClient(record);
}

function createClient(daemon: DaemonRecord): ControlClient {
  const get = <T>(path: string) => ask<T>(daemon, "GET", path, undefined, statusTimeoutMs);
  const post = <T>(path: string, body: object = {}) =>
    ask<T>(daemon, "POST", path, body, actionTimeoutMs);
  return {
    pid: daemon.pid,
    status: () => get("/control/status"),
    logs: (query) => get(`/control/logs?${query}`),
    up: (options) => post("/control/up", options),
    wait: () => post("/control/wait"),
    act: (name, action) => post(`/control/services/${encodeURIComponent(name)}/${action}`),
    apply: () => post("/control/apply"),
    restartAll: () => post("/control/restart"),
    async shutdown({ keepServices }) {
      await post("/control/shutdown", { services: keepServices ? "keep" : "stop" });
    },
  };
}

/** node:http, because loading fetch takes longer than the whole exchange. */
async function ask<T>(
  { pid, port, token }: DaemonRecord,
  method: string,
  path: string,
  body: object | undefined,
  timeoutMs: number,
): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const { status, text } = await new Promise<{ status: number; text: string }>(
    (resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const options = { host: "127.0.0.1", port, path, method, headers, signal, agent: false };
      const outgoing = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    },
  ).catch((error: Error) => {
    throw new ControlError(`Helm (process ${pid}) does not answer: ${error.message}`, false, error);
  });
  if (status >= 200 && status < 300) return JSON.parse(text) as T;
  throw new ControlError(readDetail(text) ?? `Helm answered ${status}`, true);
}

function readDetail(text: string): string | undefined {
  try {
    return JSON.parse(text).detail;
  } catch {
    return undefined;
  }
}
