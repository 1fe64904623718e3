// helm install, update and uninstall: Helm does it, this shows how it goes.
import { stat } from "node:fs/promises";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { runOperation } from "../control/app_client.ts";
import { listApps } from "../install/app_list.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import type { InstallRequest } from "../install/app_source.ts";
import type { OperationRequest } from "../install/install_manager.ts";
import type { OperationStatus } from "../install/operation.ts";
import { ownRegistryFile } from "../install/own_registry.ts";
import { resolveTyped } from "./called_from.ts";
import { confirm } from "./confirm.ts";
import { print } from "./output.ts";

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** @returns whether it is installed now, and whatever it needs */
export async function install(
  checkout: Checkout,
  app: string,
  wishes: Optional<Omit<InstallRequest, "target">>,
  { isSure }: { isSure: boolean },
): Promise<boolean> {
  const target = await findFolder(app);
  const request = { kind: "install", ...given(wishes), target } as OperationRequest;
  const { state, missing = [], error } = await run(checkout, request);
  if (state === "succeeded") return true;
  if (missing.length === 0) return fail(error);
  const question = `${app} needs ${missing.join(", ")}. Install that first?`;
  if (!isSure && (process.stdin.isTTY !== true || !(await confirm(question)))) {
    return fail(`${error}; --yes does that by itself`);
  }
  for (const each of missing) {
    const before = await run(checkout, { kind: "install", target: each });
    if (before.state !== "succeeded") return fail(before.error);
  }
  const again = await run(checkout, request);
  return again.state === "succeeded" || fail(again.error);
}

/** @param apps `undefined` for all that have a repository */
export async function update(
  checkout: Checkout,
  apps: readonly string[] | undefined,
  { ref, isForced }: { ref: string | undefined; isForced: boolean },
): Promise<boolean> {
  const names = apps ?? (await listUpdatable(checkout));
  if (names.length === 0) print("No app here has a repository to update from.");
  let isFine = true;
  for (const app of names) {
    const request = { kind: "update", app, isForced, ...given({ ref }) } as OperationRequest;
    const { state, error } = await run(checkout, request).catch((failed: Error) => {
      // One that cannot be updated now must not keep the others from it.
      if (names.length === 1) throw failed;
      return { state: "failed", error: failed.message } as const;
    });
    if (state !== "succeeded") isFine = fail(error);
  }
  return isFine;
}

/** Asks before it deletes. @returns whether it is gone */
export async function uninstall(
  checkout: Checkout,
  app: string,
  { isSure, ...options }: { deletesData: boolean; isForced: boolean; isSure: boolean },
): Promise<boolean> {
  const question = `Delete everything that ${app} has stored, its database and its files?`;
  if (options.deletesData && !isSure && !(await confirm(question))) {
    return fail("Nothing has been deleted.");
  }
  const { state, error } = await run(checkout, { kind: "uninstall", app, ...options });
  return state === "succeeded" || fail(error);
}

async function run(checkout: Checkout, request: OperationRequest): Promise<OperationStatus> {
  const app = request.kind === "install" ? request.target : request.app;
  print(`${titles[request.kind]} ${app}`);
  return await runOperation(checkout, request, (line) => print(line));
}

const titles = {
  install: "Installing",
  new: "Making",
  update: "Updating",
  uninstall: "Uninstalling",
} as const;

/** @returns the absolute path of a folder; a name or an address as it is @throws {Error} without that folder */
async function findFolder(app: string): Promise<string> {
  if (/^[a-z][a-z0-9_-]*$/.test(app)) return app;
  const path = resolveTyped(app);
  if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  if (app.includes(":")) return app;
  throw new Error(`Cannot install "${app}": there is no folder ${path}`);
}

async function listUpdatable(checkout: Checkout): Promise<string[]> {
  const lines = await listApps({
    checkout,
    registry: readAppRegistry(undefined, ownRegistryFile(checkout)),
    config: await loadMasterConfig(checkout),
    services: [],
  });
  return lines.filter((line) => line.installed && line.git !== undefined).map(({ name }) => name);
}

function given<T extends object>(values: T): Partial<T> {
  const set = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as Partial<T>;
}

function fail(reason: string | undefined): false {
  process.stderr.write(`${reason ?? "It failed."}\n`);
  return false;
}
