// Which commit of which repository each installed app is at, as Helm left it.
import { join } from "node:path";
import { readIfThere, writeFileAtomically } from "../config/atomic_file.ts";
import type { Checkout } from "../config/checkout.ts";

export interface InstalledApp {
  readonly git_url: string;
  /** Where somebody has asked for one. */
  readonly ref?: string;
  readonly commit: string;
  /** ISO 8601; of the last change. */
  readonly at: string;
}

type InstalledApps = Readonly<Record<string, InstalledApp>>;

export async function readInstalledApps(checkout: Checkout): Promise<InstalledApps> {
  const text = await readIfThere(fileOf(checkout));
  return text === undefined ? {} : (JSON.parse(text) as InstalledApps);
}

/** @param installed `undefined` takes it out */
export async function recordInstalledApp(
  checkout: Checkout,
  app: string,
  installed: InstalledApp | undefined,
): Promise<void> {
  const { [app]: before, ...others } = await readInstalledApps(checkout);
  if (before === undefined && installed === undefined) return;
  const all = installed === undefined ? others : { ...others, [app]: installed };
  await writeFileAtomically(fileOf(checkout), `${JSON.stringify(all, null, 2)}\n`);
}

function fileOf(checkout: Checkout): string {
  return join(checkout.helmFolder, "instance", "installed_apps.json");
}
