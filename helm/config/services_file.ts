import type { AppRegistry } from "../install/app_registry.ts";
import type { MasterConfig } from "./master_config.ts";
import { backendUrl } from "./public_origin.ts";

/** These are no services that a page or another service may call by name (contract §5). */
const notListed = ["nexus", "keycloak"];

/** What a person reading the navigation needs; the master configuration overrides the registry. */
const listedSettings = [
  "title",
  "icon",
  "description",
  "visible",
  "admin_only",
  "billing_or_admin_only",
  "allowed_levels",
] as const;

/**
 * The text of services.json: where each service is and who may open it. Holds no secrets.
 *
 * @param standInPorts of services that are being restarted: where they are found meanwhile
 */
export function servicesFileText(
  config: MasterConfig,
  registry: AppRegistry,
  standInPorts: ReadonlyMap<string, number> = new Map(),
): string {
  const services = Object.entries(config.apps)
    .filter(([app]) => !notListed.includes(app))
    .map(([app, settings]) => {
      const known = { title: titleOf(app), ...registry.find(app), ...settings };
      const listed = listedSettings.flatMap((key) =>
        known[key] === undefined ? [] : [[key, known[key]] as const],
      );
      const port = standInPorts.get(app);
      const url = port === undefined ? backendUrl(config, app) : `http://127.0.0.1:${port}`;
      return [app, { url, ...Object.fromEntries(listed) }];
    });
  return `${JSON.stringify(Object.fromEntries(services), null, 2)}\n`;
}

/** `time_sheet` → `Time sheet` */
function titleOf(app: string): string {
  const words = app.replaceAll(/[_-]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
