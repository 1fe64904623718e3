import type { Checkout } from "../config/checkout.ts";
import { describeChange } from "../config/config_changes.ts";
import { listStates } from "../config/config_history.ts";
import { describeHistory, undoChanges } from "../config/config_undo.ts";
import { readMasterDocument } from "../config/master_config.ts";
import { type ApplyOptions, applyConfig } from "./config_apply.ts";
import { print } from "./output.ts";
import { formatTable } from "./table.ts";

/** Of a change this many keys are named in the table. */
const namedKeys = 4;

/** `helm config history`: each change of the settings, the newest first. */
export async function showHistory(
  checkout: Checkout,
  { isJson }: { isJson: boolean },
): Promise<void> {
  const { value } = await readMasterDocument(checkout);
  const history = describeHistory(await listStates(checkout, value)).toReversed();
  if (isJson) return print(JSON.stringify(history, null, 2));
  if (history.length === 0) return print("No change has been recorded yet.");
  const rows = history.map(({ id, time, user, command, changes }) => ({
    cells: [`c${id}`, time.slice(0, 19).replace("T", " "), user, command],
    note: nameKeys(changes.map(({ key }) => key)),
  }));
  print(formatTable(["id", "time (UTC)", "by", "with"], rows));
}

/** `helm config undo [back]`: the settings as they were before, as a change of its own. */
export async function undoConfig(
  checkout: Checkout,
  back: string,
  options: ApplyOptions,
): Promise<void> {
  const { snapshot, changes } = await undoChanges(checkout, back);
  print(`Back to how it was after c${snapshot.id} (${snapshot.command}, ${snapshot.time}):`);
  for (const change of changes) print(`  ${describeChange(change)}`);
  await applyConfig(checkout, options);
}

function nameKeys(keys: readonly string[]): string {
  const others = keys.length - namedKeys;
  const more = others > 0 ? ` and ${others} more` : "";
  return keys.slice(0, namedKeys).join(", ") + more;
}
