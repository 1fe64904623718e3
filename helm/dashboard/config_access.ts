import type { UserContext } from "@hivematrix/lib/auth";
import type { Views } from "@hivematrix/lib/views";
import { changeSettings } from "../config/change_settings.ts";
import { findChanges } from "../config/config_changes.ts";
import { editValue, removeValue } from "../config/config_edit.ts";
import { type SyncReport, syncAll } from "../config/config_manager.ts";
import { type ConfigPlan, planSync } from "../config/config_plan.ts";
import { findState } from "../config/config_undo.ts";
import { type MasterConfig, readMasterDocument, requireValid } from "../config/master_config.ts";
import { describeProblem, findProblem } from "../config/master_rules.ts";
import type { Platform } from "../control/platform.ts";
import type { AppRegistry } from "../install/app_registry.ts";
import type { Notices } from "./notices.ts";
import { type ProposedChange, type ProposedChanges, stateOf } from "./proposed_changes.ts";

export interface ConfigPagesParts {
  readonly platform: Pick<Platform, "config" | "checkout" | "status" | "applySettings">;
  readonly registry: AppRegistry;
  readonly views: Views;
  readonly notices: Notices;
  readonly proposals: ProposedChanges;
}

/** What somebody asks for, from a form or as JSON. */
export type ConfigRequest =
  | { readonly action: "set"; readonly key: string; readonly value: string }
  | { readonly action: "unset"; readonly key: string }
  | { readonly action: "undo"; readonly back: string }
  | { readonly action: "sync" };

/** @throws {Error} for what cannot be, with the key and the reason */
export async function proposeChange(
  { platform: { checkout } }: ConfigPagesParts,
  request: ConfigRequest,
): Promise<ProposedChange> {
  const { value: current } = await readMasterDocument(checkout);
  const base = stateOf(current);
  const { action } = request;
  if (action === "sync") {
    const title = "Write every file anew where it differs";
    return { command: "helm config sync-all", title, base, next: requireValid(checkout, current) };
  }
  if (action === "undo") {
    const { snapshot } = await findState(checkout, request.back);
    const title = `Back to how it was after c${snapshot.id} (${snapshot.command})`;
    return { command: `helm config undo ${request.back}`, title, base, next: snapshot.config };
  }
  const { key } = request;
  const next =
    action === "set" ? editValue(current, key, request.value) : removeValue(current, key);
  const problem = findProblem(next);
  if (problem !== undefined) throw new Error(describeProblem(problem));
  requireValid(checkout, next);
  const title = action === "set" ? `Change ${key}` : `Remove ${key}, so that its default counts`;
  return { command: `helm config ${action} ${key}`, title, base, next };
}

/** What the change would do. */
export async function planProposal(
  { platform: { checkout }, registry }: ConfigPagesParts,
  { next }: ProposedChange,
): Promise<ConfigPlan> {
  return await planSync(checkout, requireValid(checkout, next), registry);
}

/** What has been done, and what is about to be. */
export interface AppliedChange extends SyncReport {
  readonly restarts: readonly string[];
}

/**
 * Saves the settings and writes every file; restarts begin, and nobody waits for them: the gateway that
 * the answer goes through may be among them.
 *
 * @throws {Error} when the settings have changed since the proposal, or a file cannot be written
 */
export async function applyProposal(
  parts: ConfigPagesParts,
  { command, base, next }: ProposedChange,
  { caller, log }: UserContext,
): Promise<AppliedChange> {
  const { platform, registry } = parts;
  const { checkout } = platform;
  const { value: current } = await readMasterDocument(checkout);
  if (stateOf(current) !== base) {
    throw new Error("Cannot make this change: somebody else has changed the settings meanwhile");
  }
  const { restarts } = await planProposal(parts, { command, base, next, title: "" });
  const user = caller.user.preferred_username;
  const keys = findChanges(current, next).map(({ key }) => key);
  const reason = { command: `${command} (dashboard)`, user };
  await changeSettings(checkout, { current, next }, reason);
  if (keys.length > 0) log.info("settings changed", { keys, by: user });
  const report = await syncAll(checkout, next as MasterConfig, registry);
  void beginRestarts(parts, restarts).catch((error: unknown) => {
    log.error("cannot restart with changed settings", { error });
  });
  return { ...report, restarts };
}

/** The page that the browser is led to comes through Nexus, so that one gets a moment for it. */
async function beginRestarts(
  { platform }: ConfigPagesParts,
  restarts: readonly string[],
): Promise<void> {
  const waitMs = restarts.includes("nexus") ? 1500 : 0;
  await new Promise((resolve) => setTimeout(resolve, waitMs).unref());
  await platform.applySettings();
}
