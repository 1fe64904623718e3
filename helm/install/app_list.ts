// Every app that is installed here or can be, as the command line and the dashboard show it.
import type { Checkout } from "../config/checkout.ts";
import type { MasterConfig } from "../config/master_config.ts";
import type { ServiceState } from "../services/service_status.ts";
import { type GitStatus, readGitStatus } from "./app_checkout.ts";
import { isThere, placesOf } from "./app_places.ts";
import type { AppRegistry, RegisteredApp } from "./app_registry.ts";
import { type InstalledApp, readInstalledApps } from "./installed_apps.ts";
import { askRepositories, readUpdateChecks, type UpdateCheck } from "./update_check.ts";

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
  /** Once its repository has been asked. */
  readonly update?: UpdateCheck;
  readonly depends_on: readonly string[];
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

/** Asks nobody over the network; what is new is known from the last time that somebody did. */
export async function listApps(parts: AppListParts): Promise<AppLine[]> {
  const { registry, config } = parts;
  const installed = await readInstalledApps(parts.checkout);
  const checkOf = await readUpdateChecks(parts.checkout);
  const own = Object.keys(config.apps).filter((id) => registry.find(id) === undefined);
  const ids = [...registry.list().map(({ id }) => id), ...own];
  const lines = await Promise.all(ids.map((id) => describe(parts, id, installed[id])));
  return lines.map((line) => {
    const version = { commit: line.git?.commit, since: installed[line.name]?.at };
    const update = line.installed ? checkOf(line.name, version) : undefined;
    return update === undefined ? line : { ...line, update };
  });
}

/** Asks the repository of each installed app what it has, for the next list. */
export async function checkForUpdates(
  { checkout, registry, config }: Omit<AppListParts, "services">,
  signal?: AbortSignal,
): Promise<void> {
  const recorded = await readInstalledApps(checkout);
  const apps = Object.keys(config.apps).flatMap((name) => {
    const { git_url, ref } = sourceOf(registry.find(name), recorded[name]);
    return git_url === undefined ? [] : [{ name, git_url, ref }];
  });
  if (apps.length > 0) await askRepositories(checkout, apps, signal);
}

/** Where an app comes from; nowhere, when it is part of the checkout or somebody's own. */
function sourceOf(
  entry: RegisteredApp | undefined,
  recorded: InstalledApp | undefined,
): { readonly git_url: string | undefined; readonly ref: string | undefined } {
  return { git_url: entry?.git_url ?? recorded?.git_url, ref: recorded?.ref ?? entry?.ref };
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
  const { git_url, ref } = sourceOf(entry, recorded);
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
