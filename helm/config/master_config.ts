import { stat } from "node:fs/promises";
import type { ServiceListing } from "@hivematrix/lib/service_registry";
import { readIfThere, writeFileAtomically } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";
import { type ChangeReason, prepareSnapshot } from "./config_history.ts";
import { withConfigLock } from "./config_lock.ts";
import { appFiles } from "./generated_files.ts";
import { type JsonDocument, parseJsonDocument } from "./json_document.ts";
import { describeProblem, findProblem, type Problem } from "./master_rules.ts";

/** `helm/instance/configs/master_config.json` (contract §6), the one place where settings live. */
export interface MasterConfig {
  readonly system: {
    readonly hostname: string;
    readonly environment: "development" | "production";
    readonly secret_key: string;
    readonly log_level: string;
    readonly jwt_issuer: string;
    readonly port_offset: number;
    /** Where browsers find the platform, when that is not Nexus itself but a proxy before it. */
    readonly public_url?: string;
    /** A session's absolute limit; an hour when absent. */
    readonly session_lifetime_seconds?: number;
    /** Unused for this long, a session ends; absent or 0: only the absolute limit counts. */
    readonly session_idle_seconds?: number;
  };
  readonly keycloak: {
    /** Our own small provider, a real Keycloak that Helm runs, or one that somebody else runs. */
    readonly mode: "embedded" | "server" | "external";
    /**
     * External: where browsers, Core and Nexus reach it; its issuer is `<url>/realms/<realm>`.
     * Otherwise the address on this machine, which follows `apps.keycloak.port`.
     */
    readonly url: string;
    readonly realm: string;
    readonly client_id: string;
    readonly client_secret: string;
    /** The first user, made when there is none. */
    readonly admin_username: string;
    readonly admin_password: string;
    /** Who Helm is there; `helm` when absent. The secret is made by `helm init` or `helm up`. */
    readonly admin_client_id?: string;
    readonly admin_client_secret?: string;
    /** Server: a file of this machine or an address to take Keycloak's tar.gz from, and its SHA-256. */
    readonly archive?: string;
    readonly archive_sha256?: string;
    /** Server: where it answers for its health; 9000 and the port offset when absent. */
    readonly management_port?: number;
  };
  readonly databases: {
    readonly postgresql: {
      readonly mode: "embedded" | "external";
      readonly host: string;
      readonly port: number;
      readonly admin_user: string;
      readonly admin_password: string;
    };
  };
  readonly apps: Readonly<Record<string, AppConfig>>;
}

/** One service: what Helm needs to configure and start it. */
export interface AppConfig extends ServiceListing {
  readonly port: number;
  readonly service_secret: string;
  /** What it is written for; Node when absent. An app in Python gets a `.flaskenv`. */
  readonly runtime?: "node" | "python";
  readonly database?: "postgresql";
  readonly db_name?: string;
  readonly db_user?: string;
  readonly db_password?: string;
  readonly dependencies?: readonly string[];
  /** Nexus only: how many processes serve; when absent, one for each core, up to four. */
  readonly processes?: number;
  /** Nexus only: the address it listens on, and whether with TLS. */
  readonly bind_address?: string;
  readonly tls?: boolean;
  readonly tls_cert_file?: string;
  readonly tls_key_file?: string;
  /** Nexus with TLS only: where plain HTTP is redirected from; absent or 0: nowhere. */
  readonly redirect_port?: number;
  /** Nexus only: IP addresses of proxies before it, whose X-Forwarded-For is believed. */
  readonly trusted_proxies?: readonly string[];
  /** What one client may take of Nexus (nexus/limits.ts), or of the embedded provider. */
  readonly limits?: Readonly<Record<string, number>>;
  /**
   * Whether two of its processes may run at a time, so that it is restarted without a gap; when absent,
   * as the app registry says, or as a copy of Template can.
   */
  readonly rolling_restart?: boolean;
  /** Helm only: how long and how much of the logs is kept for searching (helm/logs/retention.ts). */
  readonly log_retention_days?: number;
  readonly log_max_lines?: number;
  readonly log_max_megabytes?: number;
  /** Helm only: how often the apps' repositories are asked what is new; 0 is never, absent each hour. */
  readonly update_check_hours?: number;
  /** Core hands this app service tokens without a credential (design §3); off by default. */
  readonly legacy_service_token?: boolean;
  /** Further sections of `instance/<app>.conf` (contract §6). */
  readonly sections?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A master configuration that cannot be used. It is left as it is: a person has to decide. */
export class MasterConfigError extends Error {
  override readonly name = "MasterConfigError";
  readonly isExpected = true;
}

/** @throws {MasterConfigError} naming file, line, key, value and the way to mend it */
export async function loadMasterConfig(checkout: Checkout): Promise<MasterConfig> {
  const file = checkout.display(checkout.masterConfigFile);
  const document = await readMasterDocument(checkout);
  const problem = findProblem(document.value);
  if (problem !== undefined) {
    const place = document.placeOf(problem.key);
    const where = place === undefined ? file : `${file}, line ${place.line}`;
    throw new MasterConfigError(`Cannot use ${where}: ${mend(problem)}`);
  }
  return document.value as MasterConfig;
}

/**
 * The file as it stands, right or wrong in its values, for commands that mend it.
 *
 * @throws {MasterConfigError} when there is none or it is not JSON
 */
export async function readMasterDocument(checkout: Checkout): Promise<JsonDocument> {
  const file = checkout.display(checkout.masterConfigFile);
  const text = await readIfThere(checkout.masterConfigFile);
  if (text === undefined) {
    throw new MasterConfigError(`Cannot read ${file}: there is none yet, run "helm init"`);
  }
  try {
    return parseJsonDocument(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MasterConfigError(
      `Cannot read ${file}: ${reason}; mend it in an editor, Helm does not touch it until then`,
      { cause: error },
    );
  }
}

/**
 * Saves the file, whatever it held, and keeps the state in the history (config_history.ts). A change
 * of what it holds is changeSettings (change_settings.ts).
 *
 * @throws {MasterConfigError} for a value that breaks a rule; the file is then unchanged
 */
export async function saveMasterConfig(
  checkout: Checkout,
  config: unknown,
  reason: ChangeReason = { command: "helm" },
): Promise<void> {
  await withConfigLock(checkout, reason.command, () => writeMasterConfig(checkout, config, reason));
}

/** @throws {MasterConfigError} when there is one by now, which stays as it is */
export async function saveFirstMasterConfig(checkout: Checkout, config: unknown): Promise<void> {
  const command = "helm init";
  await withConfigLock(checkout, command, async () => {
    if (await isInitialised(checkout)) {
      const file = checkout.display(checkout.masterConfigFile);
      throw new MasterConfigError(`Cannot initialise: somebody else has made ${file} meanwhile`);
    }
    await writeMasterConfig(checkout, config, { command });
  });
}

/** saveMasterConfig for whoever holds the lock. */
export async function writeMasterConfig(
  checkout: Checkout,
  config: unknown,
  reason: ChangeReason,
): Promise<void> {
  requireValid(checkout, config);
  const current = await readCurrent(checkout);
  if (JSON.stringify(current) === JSON.stringify(config)) return;
  const snapshot = await prepareSnapshot(checkout, { current, next: config, reason });
  try {
    await writeFileAtomically(checkout.masterConfigFile, `${JSON.stringify(config, null, 2)}\n`);
  } catch (error) {
    await snapshot.discard();
    throw error;
  }
  await snapshot.commit();
}

/** @throws {MasterConfigError} for a configuration that breaks a rule, naming the key and the reason */
export function requireValid(checkout: Checkout, config: unknown): MasterConfig {
  const problem = findProblem(config);
  const file = checkout.display(checkout.masterConfigFile);
  if (problem !== undefined) {
    throw new MasterConfigError(`Cannot save ${file}: ${mend(problem)}`);
  }
  requireCarried(checkout, config as MasterConfig, file);
  return config as MasterConfig;
}

/** Formats every app's files: what one of them cannot carry is better refused than saved. */
function requireCarried(checkout: Checkout, config: MasterConfig, saved: string): void {
  for (const app of Object.keys(config.apps)) {
    for (const { path, text } of appFiles(checkout, config, app)) {
      try {
        text(undefined);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new MasterConfigError(
          `Cannot save ${saved}: ${checkout.display(path)} cannot carry it. ${error.message}`,
          { cause: error },
        );
      }
    }
  }
}

/** `undefined` for a file that is not there, or that nobody can go back to. */
async function readCurrent(checkout: Checkout): Promise<unknown> {
  const text = await readIfThere(checkout.masterConfigFile);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether `helm init` has been here. */
export async function isInitialised(checkout: Checkout): Promise<boolean> {
  return await stat(checkout.masterConfigFile).then(
    () => true,
    () => false,
  );
}

function mend(problem: Problem): string {
  return `${describeProblem(problem)}; mend it with "helm config set ${problem.key} <value>"`;
}
