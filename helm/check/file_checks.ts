import { stat } from "node:fs/promises";
import { join } from "node:path";
import { planSync } from "../config/config_plan.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { ownRegistryFile } from "../install/own_registry.ts";
import { type Finding, failed, notTried, ok } from "./finding.ts";
import type { Subject } from "./subject.ts";

const words = {
  create: "is missing",
  change: "is not as Helm would write it",
  permissions: "may be read by others",
  link: "does not lead to helm/services.json",
} as const;

/** `.env`, `.flaskenv`, `instance/<app>.conf` and the link `services.json`: theirs alone, and in step. */
export async function checkFiles({ checkout, config, name }: Subject): Promise<Finding> {
  const registry = readAppRegistry(undefined, ownRegistryFile(checkout));
  const { files } = await planSync(checkout, config, registry);
  const folder = `${checkout.display(checkout.appFolder(name))}/`;
  const wrong = files.filter(({ file }) => file.startsWith(folder) && isOfApp(file, folder));
  if (wrong.length > 0) {
    const found = wrong.map(({ file, action, isEdited }) => {
      return `${file} ${isEdited ? "was edited by hand" : words[action]}`;
    });
    const remedy = '"helm config plan" shows it, "helm config sync-all" mends it';
    return failed(found.join(", "), remedy);
  }
  return ok(`${folder}.env and instance/${name}.conf, mode 0600`);
}

/** Helm's own folder has the identity provider's in it. */
function isOfApp(file: string, folder: string): boolean {
  return !(folder === "helm/" && file.startsWith("helm/keycloak/"));
}

/** What an installation from a repository takes (contract §6, "Required Files for Auto-Installation"). */
export async function checkFolder({ checkout, config, name }: Subject): Promise<Finding> {
  if (name === "helm") return notTried("it is part of the checkout");
  const isPython = config.apps[name]?.runtime === "python";
  const needed = isPython
    ? ["install.sh", "run.py", "requirements.txt", join("app", "__init__.py")]
    : ["install.sh", "main.ts", "package.json"];
  const folder = checkout.appFolder(name);
  const missing: string[] = [];
  for (const file of needed) {
    const found = await stat(join(folder, file)).catch(() => undefined);
    if (found?.isFile() !== true) missing.push(file);
  }
  if (missing.length === 0) return ok(needed.join(", "));
  const remedy = "add it, so that Helm can install the service elsewhere; template/ has an example";
  return failed(`${checkout.display(folder)} lacks ${missing.join(", ")}`, remedy);
}
