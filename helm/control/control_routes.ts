// What the command line asks of the daemon, as JSON over HTTP on Helm's port. Only the holder of the
// control token gets in: other users of this machine can reach the port as well.
import { timingSafeEqual } from "node:crypto";
import { readBearer } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler, Route } from "@hivematrix/lib/router";
import type { Figures } from "../figures/figures.ts";
import type { InstallManager } from "../install/install_manager.ts";
import { listLogs } from "../logs/log_api.ts";
import type { LogStore } from "../logs/log_store.ts";
import { appControlRoutes } from "./app_routes.ts";
import type { Platform } from "./platform.ts";

export interface ControlOptions {
  readonly platform: Platform;
  readonly logs: LogStore;
  readonly token: string;
  readonly installs: InstallManager;
  readonly figures: Pick<Figures, "withTraffic">;
  /** Ends the daemon after the answer is out. */
  readonly shutdown: (options: { keepServices: boolean }) => Promise<void>;
}

export function controlRoutes(options: ControlOptions): Route[] {
  const { platform, installs, logs, token, shutdown } = options;
  const guarded = (handler: Handler): Handler => controlTokenRequired(token, handler);
  return [
    { method: "GET", path: "/control/status", handler: guarded(showStatus(options)) },
    { method: "GET", path: "/control/logs", handler: guarded(listLogs({ platform, logs })) },
    { method: "POST", path: "/control/up", handler: guarded(bringUp(platform)) },
    { method: "POST", path: "/control/restart", handler: guarded(restartAll(platform)) },
    { method: "POST", path: "/control/apply", handler: guarded(apply(platform)) },
    { method: "POST", path: "/control/wait", handler: guarded(waitForReady(platform)) },
    { method: "POST", path: "/control/services/:name/:action", handler: guarded(act(platform)) },
    { method: "POST", path: "/control/shutdown", handler: guarded(end(shutdown)) },
    ...appControlRoutes(installs, guarded),
  ];
}

/** Compares in constant time, so that answers tell nothing about how much of a guess was right. */
function controlTokenRequired(token: string, handler: Handler): Handler {
  const expected = Buffer.from(token);
  return (request, context) => {
    const given = Buffer.from(readBearer(request.headers.get("authorization")));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new HttpError(401, "This is not the control token of the running daemon");
    }
    return handler(request, context);
  };
}

function showStatus({ platform, figures }: ControlOptions): Handler {
  return async () => {
    const status = await platform.status();
    return Response.json({ ...status, services: figures.withTraffic(status.services) });
  };
}

/** POST /control/up: files up to date, whatever does not run begins to start. */
function bringUp(platform: Platform): Handler {
  return async (request) => {
    const { isDev } = (await request.json()) as { isDev: boolean };
    return Response.json(await asConflict(() => platform.start({ isDev })));
  };
}

/** POST /control/restart: every service restarted; answers when all are ready. */
function restartAll(platform: Platform): Handler {
  return async () => {
    await asConflict(() => platform.restartAll());
    return Response.json(await platform.status());
  };
}

/** POST /control/apply: what runs with former settings is started anew; answers when it is ready. */
function apply(platform: Platform): Handler {
  return async () => {
    const restarted = await asConflict(() => platform.applySettings());
    if (restarted.length > 0) await asConflict(() => platform.waitUntilReady(restarted));
    return Response.json({ restarted });
  };
}

/** POST /control/wait: answers when all is ready, or with the reason why that will not be. */
function waitForReady(platform: Platform): Handler {
  return async () => {
    await asConflict(() => platform.waitUntilReady());
    return Response.json(await platform.status());
  };
}

/** POST /control/services/:name/start|stop|restart: answers when it is done. */
function act(platform: Platform): Handler {
  return async (_request, { params: { name = "", action = "" } }) => {
    const run = { start: "startService", stop: "stop", restart: "restart" } as const;
    if (!(action in run)) throw new HttpError(404, `There is no action "${action}"`);
    await asConflict(() => platform[run[action as keyof typeof run]](name));
    if (action !== "stop") await asConflict(() => platform.waitUntilReady([name]));
    return Response.json(await platform.status());
  };
}

function end(shutdown: ControlOptions["shutdown"]): Handler {
  return async (request) => {
    const { services } = await readJsonFields(request, ["services"]);
    await shutdown({ keepServices: services === "keep" });
    return Response.json({ message: "Helm ends" });
  };
}

/** What went wrong is for the operator to read, so it is not hidden behind a 500. */
async function asConflict<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new HttpError(409, reason, { cause: error });
  }
}
