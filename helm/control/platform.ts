import type { Log } from "@hivematrix/lib/log";
import { createAppDatabases } from "../config/app_databases.ts";
import type { Checkout } from "../config/checkout.ts";
import { completeMasterConfig } from "../config/complete_config.ts";
import { type SyncReport, syncSaved, writeServicesFile } from "../config/config_manager.ts";
import { createConfigSource } from "../config/config_source.ts";
import type { MasterConfig } from "../config/master_config.ts";
import { renewNexusCertificate } from "../config/nexus_certificate.ts";
import { publicOrigin } from "../config/public_origin.ts";
import { serviceDefinitions } from "../config/service_definitions.ts";
import type { AppRegistry } from "../install/app_registry.ts";
import type { ServiceDefinition } from "../services/service_definition.ts";
import { ServiceManager } from "../services/service_manager.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import { DevReload } from "./dev_reload.ts";
import { helmStatus, type PlatformStatus } from "./platform_status.ts";

export interface PlatformOptions {
  readonly checkout: Checkout;
  readonly registry: AppRegistry;
  readonly log: Log;
  /** Instead of those of the master configuration, in tests. */
  readonly definitions?: (config: MasterConfig) => Promise<readonly ServiceDefinition[]>;
}

const halfDayMs = 12 * 60 * 60 * 1000;

/** The installation while Helm runs it: what the command line and the dashboard both act on. */
export class Platform {
  readonly checkout: Checkout;
  readonly #registry: AppRegistry;
  readonly #log: Log;
  readonly #manager: ServiceManager;
  readonly #devReload: DevReload;
  readonly #readDefinitions: () => Promise<readonly ServiceDefinition[]>;
  readonly #databases: ReturnType<typeof createAppDatabases>;
  readonly #source: ReturnType<typeof createConfigSource>;
  #config: MasterConfig;
  #problem: string | undefined;
  #hasAdopted = false;
  #certificateTimer: NodeJS.Timeout | undefined;

  /** @param config the master configuration as it was when Helm started */
  constructor(config: MasterConfig, { checkout, registry, log, definitions }: PlatformOptions) {
    this.checkout = checkout;
    this.#registry = registry;
    this.#log = log;
    this.#config = config;
    this.#source = createConfigSource(checkout);
    this.#databases = createAppDatabases(this.#source);
    const define =
      definitions ??
      ((current: MasterConfig) =>
        serviceDefinitions(current, { checkout, registry, databases: this.#databases }));
    this.#readDefinitions = async () => await define(await this.#readConfig());
    const { runDir, logDir } = checkout;
    this.#manager = new ServiceManager({
      definitions: this.#readDefinitions,
      runDir,
      logDir,
      log,
      announce: async () => {
        await writeServicesFile(checkout, registry, () => this.#readConfig());
      },
    });
    this.#devReload = new DevReload((name) => this.restart(name), log);
  }

  /** The newest configuration that could be used. */
  get config(): MasterConfig {
    return this.#config;
  }

  get address(): string {
    return publicOrigin(this.#config);
  }

  /**
   * Brings every file up to date, takes over what runs already and begins to start the rest; what
   * runs with settings that have changed since is started anew. Asked again, it starts what is missing.
   *
   * @throws {MasterConfigError} when the configuration cannot be used
   */
  async start({ isDev }: { isDev: boolean }): Promise<SyncReport> {
    const added = await completeMasterConfig(this.checkout);
    for (const key of added) this.#log.info("added to the master configuration", { key });
    const report = await this.#syncFiles();
    await this.#keepCertificate();
    this.#certificateTimer ??= setInterval(() => this.#keepCertificate(), halfDayMs).unref();
    await this.#adopt();
    const outdated = this.#restartOutdated();
    // One that cannot take up its new settings keeps nobody else from starting.
    await outdated.catch(() => {});
    await this.#manager.startAll();
    if (this.#config.keycloak.mode === "external") void this.#mendExternalRealm();
    if (isDev || this.#devReload.isWatching) this.#devReload.watch(await this.#readDefinitions());
    await outdated;
    return report;
  }

  /**
   * Takes up a changed configuration: every file up to date, and whatever runs with former settings
   * started anew. What does not run stays as it is.
   *
   * @returns the names of what is started anew
   */
  async applySettings(): Promise<string[]> {
    await this.#syncFiles();
    await this.#keepCertificate();
    return await this.#restartOutdated();
  }

  /** Helm's own database, as soon as there is a PostgreSQL. */
  async ensureOwnDatabase(): Promise<void> {
    const postgres = (await this.#manager.status()).filter(({ name }) => name === "postgres");
    await this.#manager.waitUntilReady(postgres.map(({ name }) => name));
    await this.#databases.ensure("helm");
  }

  async status(): Promise<PlatformStatus> {
    const services = await this.#manager.status();
    const own = helmStatus(this.#config.apps["helm"]?.port ?? 0);
    return {
      address: this.address,
      environment: this.#config.system.environment,
      isDev: this.#devReload.isWatching,
      ...(this.#problem !== undefined && { problem: this.#problem }),
      services: [...services, own],
    };
  }

  /** Begins to start a service and what it needs. @throws {Error} for an unknown name */
  async startService(name: string): Promise<void> {
    await this.#manager.start(name);
  }

  async stop(name: string): Promise<void> {
    await this.#manager.stop(name);
  }

  /**
   * Stops a service and begins to start it again, with the configuration as it is now. With the
   * identity provider goes whoever has to know of it as it is now.
   */
  async restart(name: string): Promise<void> {
    if (name === "keycloak") await this.#syncFiles();
    await this.#manager.restart(name);
    if (name === "keycloak") await this.#restartOutdated();
  }

  /**
   * Restarts every service with the configuration as it is now, what others depend on first, and
   * without a gap where that can be; returns when all are ready.
   *
   * @throws {Error} naming what does not get ready, and why
   */
  async restartAll(): Promise<void> {
    await this.#syncFiles();
    await this.#keepCertificate();
    await this.#manager.restartAll();
  }

  /** @throws {Error} naming what is not ready, and why */
  async waitUntilReady(names?: readonly string[], timeoutMs?: number): Promise<void> {
    await this.#manager.waitUntilReady(names, timeoutMs);
  }

  onChange(listener: (status: ServiceStatus) => void): () => void {
    return this.#manager.onChange(listener);
  }

  /** Ends Helm's part; with `keepServices` they run on without it. */
  async close({ keepServices }: { keepServices: boolean }): Promise<void> {
    clearInterval(this.#certificateTimer);
    this.#devReload.close();
    if (!keepServices) await this.#manager.stopAll();
    this.#manager.close();
  }

  async #syncFiles(): Promise<SyncReport> {
    const report = await syncSaved(this.checkout, this.#registry, async () => {
      this.#config = await this.#source.read();
      return this.#config;
    });
    for (const file of report.written) this.#log.info("configuration written", { file });
    for (const each of report.kept) {
      this.#log.warn("replaced what was edited by hand", { ...each });
    }
    return report;
  }

  async #restartOutdated(): Promise<string[]> {
    const services = await this.#manager.restartOutdated();
    if (services.length > 0) this.#log.info("started anew with changed settings", { services });
    return services;
  }

  /** Loaded only where it is needed: an installation with a provider of its own never is. */
  async #mendExternalRealm(): Promise<void> {
    const { mendExternalRealm } = await import("../keycloak/server/realm_step.ts");
    await mendExternalRealm(this.#config, this.#log);
  }

  /** Nexus takes a new one by itself. That there is none is for Nexus to say, if it comes to that. */
  async #keepCertificate(): Promise<void> {
    try {
      const reason = await renewNexusCertificate(this.checkout, this.#config);
      if (reason !== undefined) this.#log.info("made a certificate for Nexus", { reason });
    } catch (error) {
      this.#log.error("cannot make a certificate for Nexus", { error });
    }
  }

  /** Only the first time: later, every process is this Helm's own. */
  async #adopt(): Promise<void> {
    if (this.#hasAdopted) return;
    const services = await this.#manager.adopt();
    this.#hasAdopted = true;
    if (services.length > 0) this.#log.info("took over running services", { services });
  }

  /** What runs goes on running while the configuration is broken; the status says that it is. */
  async #readConfig(): Promise<MasterConfig> {
    try {
      this.#config = await this.#source.read();
      this.#problem = undefined;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#problem) this.#log.error(problem);
      this.#problem = problem;
    }
    return this.#config;
  }
}
