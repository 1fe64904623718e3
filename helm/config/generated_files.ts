// Which files Helm writes, and with what in them: asked for both to write them and to show what would
// be written.
import { join } from "node:path";
import { updateConf } from "@hivematrix/lib/conf_file";
import type { AppRegistry } from "../install/app_registry.ts";
import { appConf, appEnvText, appFlaskEnvText, isPython } from "./app_files.ts";
import type { Checkout } from "./checkout.ts";
import type { MasterConfig } from "./master_config.ts";
import { servicesFileText } from "./services_file.ts";

export interface GeneratedFile {
  readonly path: string;
  /** Whose it is; services.json is everybody's. */
  readonly app?: string;
  readonly kind: "env" | "flaskenv" | "conf" | "services";
  readonly mode: number;
  /** Of a `.conf`: the sections that Helm answers for. */
  readonly sections?: readonly string[];
  /**
   * What has to stand in it.
   *
   * @param current what stands there now
   * @param obsolete sections that Helm wrote once and that are to go
   * @returns `undefined` where there is nothing to write
   * @throws {RangeError} for a value that the format cannot carry, naming it
   */
  text(current: string | undefined, obsolete?: readonly string[]): string | undefined;
}

/**
 * The one file that is nobody's own.
 *
 * @param standInPorts where services are found that are being restarted
 */
export function servicesFile(
  checkout: Checkout,
  config: MasterConfig,
  registry: AppRegistry,
  standInPorts: ReadonlyMap<string, number>,
): GeneratedFile {
  const text = () => servicesFileText(config, registry, standInPorts);
  return { path: checkout.servicesFile, kind: "services", mode: 0o644, text };
}

/** @throws {Error} for an app that the configuration does not have */
export function appFiles(checkout: Checkout, config: MasterConfig, app: string): GeneratedFile[] {
  const flask = isPython(config, app) ? [flaskEnvFile(checkout, config, app)] : [];
  return [envFile(checkout, config, app), ...flask, confFile(checkout, config, app)];
}

export function envFile(checkout: Checkout, config: MasterConfig, app: string): GeneratedFile {
  const folder = checkout.appFolder(app);
  const text = () => appEnvText(config, app, folder);
  return { path: join(folder, ".env"), app, kind: "env", mode: 0o600, text };
}

export function flaskEnvFile(checkout: Checkout, config: MasterConfig, app: string): GeneratedFile {
  const folder = checkout.appFolder(app);
  const text = () => appFlaskEnvText(config, app, folder);
  return { path: join(folder, ".flaskenv"), app, kind: "flaskenv", mode: 0o600, text };
}

export function confFile(checkout: Checkout, config: MasterConfig, app: string): GeneratedFile {
  const wanted = appConf(config, app);
  const sections = Object.keys(wanted);
  return {
    path: join(checkout.appFolder(app), "instance", `${app}.conf`),
    app,
    kind: "conf",
    mode: 0o600,
    sections,
    text(current, obsolete = []) {
      if (sections.length === 0 && current === undefined) return undefined;
      return updateConf(current ?? "", wanted, obsolete);
    },
  };
}
