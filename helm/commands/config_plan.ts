import type { Checkout } from "../config/checkout.ts";
import { findChanges, maskChange } from "../config/config_changes.ts";
import { editValue } from "../config/config_edit.ts";
import { planSync } from "../config/config_plan.ts";
import { loadMasterConfig, readMasterDocument, requireValid } from "../config/master_config.ts";
import { describePlan } from "../config/plan_text.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { readTyped } from "./config.ts";
import { print } from "./output.ts";

export interface PlanOptions {
  readonly isJson: boolean;
  readonly isOwnKey: boolean;
}

/**
 * `helm config plan [key value …]`: what sync-all would do, or what it would after these changes.
 *
 * @param words keys and values; a value that is left out at the end comes from standard input
 */
export async function planConfig(
  checkout: Checkout,
  words: readonly string[],
  { isJson, isOwnKey }: PlanOptions,
): Promise<void> {
  const { value: before } = await readMasterDocument(checkout);
  let after = before;
  for (let index = 0; index < words.length; index += 2) {
    const key = words[index] ?? "";
    after = editValue(after, key, await readTyped(key, words[index + 1]), { isOwnKey });
  }
  const config =
    words.length === 0 ? await loadMasterConfig(checkout) : requireValid(checkout, after);
  const plan = await planSync(checkout, config, readAppRegistry());
  const changes = findChanges(before, after).map(maskChange);
  if (isJson) print(JSON.stringify({ changes, ...plan }, null, 2));
  else print(...describePlan(changes, plan));
}
