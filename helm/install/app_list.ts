// Every app that is installed here or can be, as the command line and the dashboard show it.
import type { Checkout } from "../config/checkout.ts";
import type { MasterConfig } from "../config/master_config.ts";
import type { ServiceState } from "../services/service_status.ts";
import { askRemote, type GitStatus, readGitStatus } from "./app_checkout.ts";
import { isThere, placesOf } from "./app_places.ts";
import type { AppRegistry, RegisteredApp } from "./app_registry.ts";
import { type InstalledApp, readInstalledApps } from "./installed_apps.ts";

/** Field names as `helm apps --json` and `/api/apps` have them. */
export interface AppLine {
  readonly name: string;
  readonly title: string;
  readonly description?: string;
  readonly installed: boolean;
  /** Part of the checkout, and so neither installed nor updated by itself. */
  readonly bundled: boolean;
  /** Data of an earlier installation is kept. */
  readonly kept: boolean;
  readonly state?: ServiceState;
  readonly reason?: string;
  readonly port?: number;
  readonly git_url?: string;
  readonly ref?: string;
  readonly git?: GitStatus;
  /** Why git could not be asked. */
  readonly git_error?: string;
  /** Only after somebody has asked for it. */
  readonly update?: UpdateCheck;
  readonly depends_on: readonly string[];
}

/** What the repository said when it was last asked. */
export interface UpdateCheck {
  readonly available: boolean;
  readonly commit?: string;
  readonly error?: string;
  /** ISO 8601 */
  readonly at: string;
}

export interface AppListParts {
  readonly checkout: Checkout;
  readonly registry: AppRegistry;
  readonly config: MasterConfig;
  /** What the services say, where somebody knows. */
  readonly services: readonly {
    readonly name: string;
    readonly state: ServiceState;
    readonly reason?: string;
  }[];
}

const remoteTimeoutMs = 15_000;

/** Asks nobody over the network. */
export async function listApps(parts: AppListParts): Promise<AppLine[]> {
  const { registry, config } = parts;
  const installed = await readInstalledApps(parts.checkout);
  const own = Object.keys(config.apps).filter((id) => registry.find(id) === undefined);
  const ids = [...registry.list().map(({ id }) => id), ...own];
  return await Promise.all(ids.map((id) => describe(parts, id, installed[id])));
}

/** Asks each app's repository, all at the same time, whether there is something newer. */
export async function checkForUpdates(
  checkout: Checkout,
  lines: readonly AppLine[],
): Promise<Map<string, UpdateCheck>> {
  const checked = lines.filter((line) => line.installed && line.git_url !== undefined);
  const results = await Promise.all(
    checked.map(async (line) => [line.name, await checkOne(checkout, line)] as const),
  );
  return new Map(results);
}

async function checkOne(checkout: Checkout, line: AppLine): Promise<UpdateCheck> {
  const at = new Date().toISOString();
  const { git_url = "", ref } = line;
  try {
    const commit = await askRemote({ git_url, ref }, checkout.root, remoteTimeoutMs);
    const available = commit !== undefined && commit !== line.git?.commit;
    return { available, at, ...(commit !== undefined && { commit }) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { available: false, at, error: reason };
  }
}

async function describe(
  { checkout, registry, config, services }: AppListParts,
  id: string,
  recorded: InstalledApp | undefined,
): Promise<AppLine> {
  const entry = registry.find(id);
  const settings = config.apps[id];
  const places = placesOf(checkout, id);
  const isBundled = entry !== undefined && entry.git_url === undefined;
  const service = services.find(({ name }) => name === id);
  const git_url = entry?.git_url ?? recorded?.git_url;
  const ref = recorded?.ref ?? entry?.ref;
  const description = settings?.description ?? entry?.description;
  return {
    name: id,
    title: settings?.title ?? entry?.title ?? titleOf(entry, id),
    installed: settings !== undefined,
    bundled: isBundled,
    kept: settings === undefined && (await isThere(places.kept)),
    depends_on: settings?.dependencies ?? entry?.dependencies ?? [],
    ...(description !== undefined && { description }),
    ...(service !== undefined && { state: service.state }),
    ...(service?.reason !== undefined && { reason: service.reason }),
    ...(settings !== undefined && { port: settings.port }),
    ...(git_url !== undefined && { git_url }),
    ...(ref !== undefined && { ref }),
    ...(settings !== undefined && !isBundled && (await readGit(places.folder, ref))),
  };
}

function titleOf(entry: RegisteredApp | undefined, id: string): string {
  return entry?.name ?? id;
}

async function readGit(
  folder: string,
  ref: string | undefined,
): Promise<Pick<AppLine, "git" | "git_error">> {
  try {
    const git = await readGitStatus(folder, ref);
    return git === undefined ? {} : { git };
  } catch (error) {
    return { git_error: error instanceof Error ? error.message : String(error) };
  }
}
