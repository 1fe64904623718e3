import { router } from "@hivematrix/lib/router";
import { serve } from "@hivematrix/lib/serve";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { createDashboard } from "../dashboard/dashboard.ts";
import { redirectDirectVisits } from "../dashboard/direct_visit.ts";
import { keepFigures } from "../figures/kept_figures.ts";
import type { InstallManager } from "../install/install_manager.ts";
import { watchForUpdates } from "../install/update_watch.ts";
import { ingestRoutes } from "../logs/log_ingest.ts";
import { LogStore } from "../logs/log_store.ts";
import { readProcess } from "../services/process_table.ts";
import { HelmDatabase } from "../store/helm_database.ts";
import { makeInstallManager } from "./app_services.ts";
import { controlRoutes } from "./control_routes.ts";
import {
  type DaemonRecord,
  newControlToken,
  readLiveDaemon,
  removeDaemonFile,
  writeDaemonFile,
} from "./daemon_file.ts";
import { createHelmAuth } from "./helm_auth.ts";
import { Platform, type PlatformOptions } from "./platform.ts";

export interface Daemon {
  readonly platform: Platform;
  readonly installs: InstallManager;
  /** Resolves when the daemon has ended, whoever asked for it. */
  readonly ended: Promise<void>;
  /** Stops the services, or keeps them running, then Helm's own server. */
  close(options: { keepServices: boolean }): Promise<void>;
}

/**
 * Helm as a running process: supervises the services and serves the dashboard and the control API
 * on Helm's port. Services may still be starting when it resolves.
 *
 * @throws {Error} when a daemon of this checkout runs already, or the configuration cannot be used
 */
export async function startDaemon(
  options: PlatformOptions & { readonly isDev: boolean },
): Promise<Daemon> {
  const { checkout, log, isDev } = options;
  const config = await loadMasterConfig(checkout);
  await requireNoOther(checkout);
  const platform = new Platform(config, options);
  const database = new HelmDatabase(platform, log);
  const auth = createHelmAuth(config);
  const kept = keepFigures(platform, { auth, log });
  const logs = new LogStore(platform, log);
  const installs = makeInstallManager({ ...options, platform });
  const dashboard = createDashboard({ platform, installs, log, auth, figures: kept.figures, logs });
  const token = newControlToken();

  let stopAsking = async (): Promise<void> => {};
  let finish = async (): Promise<void> => {};
  const shutdown = async (how: { keepServices: boolean }) => {
    await stopAsking();
    await installs.close();
    // While there still is a database.
    await kept.close();
    await platform.close(how);
    // The answer to whoever asked has to get out before the server is gone.
    setImmediate(() => void finish());
  };
  const routes = [
    ...dashboard.routes,
    ...kept.routes,
    ...ingestRoutes({ logDir: checkout.logDir, logs }, auth),
    ...controlRoutes({ platform, installs, logs, figures: kept.figures, token, shutdown }),
  ];
  const handle = redirectDirectVisits(platform, router(routes, { service: "helm", log }));
  const port = config.apps["helm"]?.port ?? 0;
  const server = await serve(handle, { port, service: "helm" });

  const ended = new Promise<void>((resolve) => {
    finish = once(async () => {
      dashboard.close();
      await server.close();
      await logs.close();
      await database.close();
      await removeDaemonFile(checkout);
      resolve();
    });
  });
  try {
    await installs.recoverFiles();
    await platform.start({ isDev });
    await writeDaemonFile(checkout, await ownRecord(port, token));
  } catch (error) {
    await platform.close({ keepServices: true });
    await finish();
    throw error;
  }
  kept.start(database);
  logs.start(database);
  void installs.recoverDatabases();
  stopAsking = watchForUpdates({
    everyHours: () => platform.config.apps["helm"]?.update_check_hours ?? 1,
    ask: (signal) => installs.checkForUpdates({ config: platform.config }, signal),
    log,
  });
  return {
    platform,
    installs,
    ended,
    async close(how) {
      await stopAsking();
      await installs.close();
      await kept.close();
      await platform.close(how);
      await finish();
    },
  };
}

/** Stops everything at the first signal to end, also while the daemon is still starting. */
export function closeOnceOnSignal(starting: Promise<Daemon>, tell: () => void = () => {}): void {
  const close = once(async () => {
    tell();
    await (await starting).close({ keepServices: false });
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => void close());
}

async function requireNoOther(checkout: Checkout): Promise<void> {
  const other = await readLiveDaemon(checkout);
  if (other === undefined || other.pid === process.pid) return;
  throw new Error(`Cannot start helm: it runs already as process ${other.pid}`);
}

async function ownRecord(port: number, token: string): Promise<DaemonRecord> {
  const startTime = (await readProcess(process.pid))?.startTime ?? "";
  return { pid: process.pid, startTime, port, token };
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}
