import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { connectDaemon } from "../control/control_client.ts";
import { type AppLine, checkForUpdates, listApps } from "../install/app_list.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { askedWords, gitWords, stateWords, updateWords } from "../install/app_words.ts";
import { ownRegistryFile } from "../install/own_registry.ts";
import { type Colour, print } from "./output.ts";
import { formatTable } from "./table.ts";

/** `helm apps`: what is installed and what could be; without Helm too. */
export async function showApps(
  checkout: Checkout,
  { isChecking, isJson }: { isChecking: boolean; isJson: boolean },
): Promise<void> {
  const daemon = await connectDaemon(checkout);
  const parts = {
    checkout,
    registry: readAppRegistry(undefined, ownRegistryFile(checkout)),
    config: await loadMasterConfig(checkout),
    services: daemon === undefined ? [] : (await daemon.status()).services,
  };
  if (isChecking) await checkForUpdates(parts);
  const apps = await listApps(parts);
  if (isJson) return print(JSON.stringify(apps, null, 2));
  print(appsTable(apps));
  const available = apps.filter((app) => !app.installed);
  const asked = askedWords(apps);
  if (asked !== "") print("", `${asked}; "helm apps --check" asks now.`);
  if (available.length > 0) print("", 'Install one with "helm install <app>".');
  if (apps.some((app) => app.update?.available)) print("", 'Update with "helm update <app>".');
}

export function appsTable(apps: readonly AppLine[], isColoured?: boolean): string {
  const rows = apps.map((app) => {
    const note = app.update?.error ?? app.git_error ?? (app.state === "ready" ? "" : app.reason);
    return {
      cells: [
        app.name,
        stateWords(app),
        String(app.port ?? "–"),
        app.git?.version ?? (app.bundled ? "part of the checkout" : "–"),
        [gitWords(app), updateWords(app)].filter((words) => words !== "").join(", ") || "–",
      ],
      colours: [undefined, colourOf(app)],
      ...(note !== undefined && note !== "" && { note }),
    };
  });
  return formatTable(["App", "State", "Port", "Version", "Repository"], rows, isColoured);
}

function colourOf({ state, installed }: AppLine): Colour | undefined {
  if (!installed) return "dim";
  return state === "ready" ? "green" : state === "crash-looping" ? "red" : undefined;
}
