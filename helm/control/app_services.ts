import type { Log } from "@hivematrix/lib/log";
import type { AppRegistry } from "../install/app_registry.ts";
import { InstallManager } from "../install/install_manager.ts";
import type { AppServices } from "../install/operation_parts.ts";
import { formatLogLine } from "./log_line.ts";
import { readLastLines } from "./log_tail.ts";
import type { Platform } from "./platform.ts";

/** An app that takes longer than that to become ready does not work. */
const readyLimitMs = 120_000;

/** How much of its log is shown when an app does not get ready. */
const explainingLines = 10;

/** What carries out operations on apps for a platform. */
export function makeInstallManager({
  platform,
  registry,
  log,
}: {
  readonly platform: Platform;
  readonly registry: AppRegistry;
  readonly log: Log;
}): InstallManager {
  return new InstallManager({
    checkout: platform.checkout,
    registry,
    log,
    services: createAppServices(platform),
    untilPostgres: () => platform.ensureOwnDatabase(),
  });
}

/** The supervised services, for operations on apps. */
export function createAppServices(platform: Platform, limitMs: number = readyLimitMs): AppServices {
  const stateOf = async (app: string) =>
    (await platform.status()).services.find(({ name }) => name === app)?.state;
  return {
    start: (app) => platform.startService(app),
    async stop(app) {
      if ((await stateOf(app)) !== undefined) await platform.stop(app);
    },
    async isRunning(app) {
      const state = await stateOf(app);
      return state !== undefined && state !== "stopped";
    },
    async waitUntilReady(app, tell = () => {}) {
      const ignore = platform.onChange(({ name, reason }) => {
        if (name === app && reason !== undefined) tell(reason);
      });
      try {
        await withLimit(platform.waitUntilReady([app], limitMs), app, limitMs);
      } finally {
        ignore();
      }
    },
    async lastLines(app) {
      const lines = await readLastLines(platform.checkout.logDir, app, explainingLines);
      return lines.map((line) => formatLogLine(line));
    },
  };
}

/** The wait itself only ends when nothing changes; a service that is started again and again does. */
async function withLimit(waiting: Promise<void>, app: string, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`${app} is not ready after ${limitMs / 1000} s`);
    timer = setTimeout(() => reject(error), limitMs);
  });
  try {
    await Promise.race([waiting, late]);
  } finally {
    clearTimeout(timer);
    waiting.catch(() => {});
  }
}
