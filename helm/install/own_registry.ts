// The entries that this installation has added to the app registry: "helm install <git url>".
import { join } from "node:path";
import { readIfThere, writeFileAtomically } from "../config/atomic_file.ts";
import type { Checkout } from "../config/checkout.ts";
import { parseJsonDocument } from "../config/json_document.ts";
import type { RegisteredApp } from "./app_entry.ts";

type Entries = Record<string, object>;

export function ownRegistryFile(checkout: Checkout): string {
  return join(checkout.helmFolder, "instance", "apps_registry.json");
}

/** Adds an entry, or replaces the one of that name. */
export async function addRegistryEntry(checkout: Checkout, app: RegisteredApp): Promise<void> {
  const { id, ...entry } = app;
  const groups = await readGroups(checkout);
  await save(checkout, { ...groups, own_apps: { ...groups["own_apps"], [id]: entry } });
}

/** Takes an entry out; nothing where there is none. */
export async function removeRegistryEntry(checkout: Checkout, id: string): Promise<void> {
  const groups = await readGroups(checkout);
  if (groups["own_apps"]?.[id] === undefined) return;
  const { [id]: _, ...others } = groups["own_apps"];
  await save(checkout, { ...groups, own_apps: others });
}

async function readGroups(checkout: Checkout): Promise<Record<string, Entries>> {
  const text = await readIfThere(ownRegistryFile(checkout));
  return text === undefined ? {} : (parseJsonDocument(text).value as Record<string, Entries>);
}

async function save(checkout: Checkout, groups: Record<string, Entries>): Promise<void> {
  await writeFileAtomically(ownRegistryFile(checkout), `${JSON.stringify(groups, null, 2)}\n`);
}
