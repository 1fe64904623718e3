import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "@hivematrix/lib/log";
import type { Checkout } from "../config/checkout.ts";
import { pause } from "../services/pause.ts";
import type { AppLine, AppListParts } from "./app_list.ts";
import type { AppRegistry } from "./app_registry.ts";
import type { AppSource, InstallRequest } from "./app_source.ts";
import { listJournals, type OperationKind, readJournal } from "./journal.ts";
import { Operation, type OperationRemedy } from "./operation.ts";
import {
  type AppServices,
  ChangedByHandError,
  MissingAppsError,
  type OperationParts,
  RefusedError,
  reasonOf,
} from "./operation_parts.ts";
import type { UninstallRequest } from "./uninstall_app.ts";
import type { UpdateRequest } from "./update_app.ts";

/** What somebody asks for; wire names, as it comes in over HTTP too. */
export type OperationRequest =
  | ({ readonly kind: "install" } & InstallRequest)
  | { readonly kind: "new"; readonly app: string }
  | ({ readonly kind: "update" } & UpdateRequest)
  | ({ readonly kind: "uninstall" } & UninstallRequest);

export interface InstallManagerOptions {
  readonly checkout: Checkout;
  readonly registry: AppRegistry;
  readonly log: Log;
  readonly services: AppServices;
  /** Resolves when databases can be made and dropped. */
  readonly untilPostgres: () => Promise<void>;
  readonly onStep?: OperationParts["onStep"];
}

/** How many operations are remembered, for whoever looks at one that is over. */
const maxRemembered = 50;
const retryAfterMs = 2000;

/**
 * Carries out what is done with apps: one operation after the other, and never two on the same app.
 * The code for it is loaded when it is first needed; Helm does without it most of the time.
 */
export class InstallManager {
  readonly #options: InstallManagerOptions;
  readonly #operations = new Map<string, Operation>();
  readonly #closing = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: InstallManagerOptions) {
    this.#options = options;
  }

  /** The newest first. */
  list(): readonly Operation[] {
    return [...this.#operations.values()].reverse();
  }

  find(id: string): Operation | undefined {
    return this.#operations.get(id);
  }

  /**
   * Begins an operation; it says itself how it goes on.
   *
   * @throws {RefusedError} for what is no app, and while something is done with that app
   */
  async begin(request: OperationRequest, by: string): Promise<Operation> {
    if (this.#closing.signal.aborted) throw new RefusedError("Helm is ending");
    const { log } = this.#options;
    const source = request.kind === "install" ? await this.#findSource(request) : undefined;
    const app = source?.id ?? (request as Exclude<OperationRequest, { kind: "install" }>).app;
    const other = this.list().find((operation) => operation.app === app && !operation.isOver);
    if (other !== undefined) {
      throw new RefusedError(`Cannot ${request.kind} "${app}": ${describe(other)} is under way`);
    }
    const operation = new Operation(request.kind, app);
    this.#remember(operation);
    log.info("app operation", { kind: request.kind, app, by });
    const done = this.#turn.then(() => this.#carryOut(operation, request, source));
    this.#turn = done.catch((error: unknown) => log.error("app operation", { error }));
    return operation;
  }

  /** Every app with what is known of it, without asking anybody over the network. */
  async listApps(around: Pick<AppListParts, "config" | "services">): Promise<AppLine[]> {
    const { listApps } = await import("./app_list.ts");
    return await listApps({ ...this.#options, ...around });
  }

  /** Asks every app's repository what is new, for the next list. */
  async checkForUpdates(
    around: Pick<AppListParts, "config">,
    signal: AbortSignal = this.#closing.signal,
  ): Promise<void> {
    const { checkForUpdates } = await import("./app_list.ts");
    await checkForUpdates({ ...this.#options, ...around }, signal);
  }

  /** Before anything is started: files and settings as they have to be, no process left over. */
  async recoverFiles(): Promise<void> {
    if ((await listJournals(this.#options.checkout)).length === 0) return;
    await this.#recover({ hasPostgres: false });
  }

  /** The rest, as soon as there is a PostgreSQL; nothing waits for it. */
  async recoverDatabases(): Promise<void> {
    if ((await listJournals(this.#options.checkout)).length === 0) return;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const isThere = await this.#options.untilPostgres().then(
        () => true,
        () => false,
      );
      if (isThere) break;
      await pause(retryAfterMs, signal);
    }
    if (signal.aborted) return;
    const turn = this.#turn.then(() => this.#recover({ hasPostgres: true }));
    this.#turn = turn.catch((error: unknown) => {
      this.#options.log.error("cannot end what was begun with an app", { error });
    });
    await this.#turn;
  }

  /** Ends what is under way; it undoes itself. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("Helm ends"));
    await this.#turn;
  }

  async #findSource(request: InstallRequest): Promise<AppSource> {
    const { findSource } = await import("./app_source.ts");
    return findSource(this.#options.registry, request);
  }

  async #carryOut(
    operation: Operation,
    request: OperationRequest,
    source: AppSource | undefined,
  ): Promise<void> {
    const write = await this.#openLog(operation);
    const parts = this.#parts((line) => {
      operation.say(line);
      write(line);
    });
    operation.begin();
    try {
      this.#closing.signal.throwIfAborted();
      await this.#endFormer(parts, operation.app);
      await act(parts, request, source);
      operation.succeed();
    } catch (error) {
      const reason = reasonOf(error);
      this.#options.log.warn(reason, { app: operation.app });
      write(reason);
      operation.fail(reason, remedyOf(error));
    }
  }

  /** What was begun with this app and has not come to an end stands in the way of anything else. */
  async #endFormer(parts: OperationParts, app: string): Promise<void> {
    const journal = await readJournal(parts.checkout, app);
    if (journal === undefined) return;
    parts.say(`Ending what was begun before: ${journal.kind}, ${journal.step}`);
    const { recoverOperation } = await import("./recovery.ts");
    await recoverOperation(parts, journal);
  }

  async #recover({ hasPostgres }: { hasPostgres: boolean }): Promise<void> {
    const { log, checkout, registry, services } = this.#options;
    const { recoverOperations } = await import("./recovery.ts");
    const say = (line: string) => log.info(line);
    const running = hasPostgres ? { services } : {};
    const found = await recoverOperations({ checkout, registry, hasPostgres, say, ...running });
    for (const { app, kind, step, end } of found) {
      log.info("an operation on an app had been interrupted", { app, kind, step, end });
    }
  }

  #parts(say: (line: string) => void): OperationParts {
    const { checkout, registry, services, onStep } = this.#options;
    const { signal } = this.#closing;
    const shared = { checkout, registry, services, hasPostgres: true, say, signal };
    return { ...shared, ...(onStep !== undefined && { onStep }) };
  }

  /** Everything that is said is kept, for whoever asks later why. */
  async #openLog({ app, kind, id }: Operation): Promise<(line: string) => void> {
    const { logDir } = this.#options.checkout;
    const file = join(logDir, `install-${app}.log`);
    await mkdir(logDir, { recursive: true, mode: 0o700 });
    let writing = Promise.resolve();
    const write = (line: string) => {
      const text = `${new Date().toISOString()} ${line}\n`;
      writing = writing.then(() => appendFile(file, text, { mode: 0o600 })).catch(() => {});
    };
    write(`${kind} ${app} (${id})`);
    return write;
  }

  #remember(operation: Operation): void {
    this.#operations.set(operation.id, operation);
    for (const [id, { isOver }] of this.#operations) {
      if (this.#operations.size > maxRemembered && isOver) this.#operations.delete(id);
    }
  }
}

function remedyOf(error: unknown): OperationRemedy {
  if (error instanceof MissingAppsError) return { missing: error.missing };
  return error instanceof ChangedByHandError ? { forcible: true } : {};
}

function describe({ kind, status: { startedAt } }: Operation): string {
  const word: Record<OperationKind, string> = {
    install: "an installation",
    new: "an installation",
    update: "an update",
    uninstall: "a removal",
  };
  return `${word[kind]} that began at ${startedAt}`;
}

async function act(
  parts: OperationParts,
  request: OperationRequest,
  source: AppSource | undefined,
): Promise<void> {
  switch (request.kind) {
    case "install": {
      const { installApp } = await import("./install_app.ts");
      return await installApp(parts, source as AppSource);
    }
    case "new": {
      const { makeNewApp } = await import("./install_app.ts");
      return await makeNewApp(parts, request.app);
    }
    case "update": {
      const { updateApp } = await import("./update_app.ts");
      await updateApp(parts, request);
      return;
    }
    case "uninstall": {
      const { uninstallApp } = await import("./uninstall_app.ts");
      return await uninstallApp(parts, request);
    }
  }
}
