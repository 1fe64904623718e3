import type { UserContext } from "@hivematrix/lib/auth";
import type { Views } from "@hivematrix/lib/views";
import { changeSettings } from "../config/change_settings.ts";
import type { Checkout } from "../config/checkout.ts";
import { type ConfigChange, findChanges, maskChange } from "../config/config_changes.ts";
import { editValue, removeValue } from "../config/config_edit.ts";
import { type SyncReport, syncSaved } from "../config/config_manager.ts";
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
  return { ...(await settle(checkout, request, current)), base: stateOf(current) };
}

/** What the request makes of the settings. @throws {Error} as proposeChange */
async function settle(
  checkout: Checkout,
  request: ConfigRequest,
  current: unknown,
): Promise<Omit<ProposedChange, "base">> {
  const command = commandOf(request);
  const { action } = request;
  if (action === "sync") {
    const title = "Write every file anew where it differs";
    return { command, title, next: requireValid(checkout, current) };
  }
  if (action === "undo") {
    const snapshot = await findState(checkout, current, request.back);
    const title = `Back to how it was after c${snapshot.id} (${snapshot.command})`;
    return { command, title, next: snapshot.config };
  }
  const { key } = request;
  const next =
    action === "set" ? editValue(current, key, request.value) : removeValue(current, key);
  const problem = findProblem(next);
  if (problem !== undefined) throw new Error(describeProblem(problem));
  requireValid(checkout, next);
  const title = action === "set" ? `Change ${key}` : `Remove ${key}, so that its default counts`;
  return { command, title, next };
}

function commandOf(request: ConfigRequest): string {
  if (request.action === "sync") return "helm config sync-all";
  if (request.action === "undo") return `helm config undo ${request.back}`;
  return `helm config ${request.action} ${request.key}`;
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
  /** Secrets masked. */
  readonly changes: readonly ConfigChange[];
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
  context: UserContext,
): Promise<AppliedChange> {
  return await apply(parts, command, context, (current) => {
    if (stateOf(current) === base) return next;
    throw new Error("Cannot make this change: somebody else has changed the settings meanwhile");
  });
}

/** The same without a look before: it is made of the settings as they are, whoever else changes them. */
export async function applyRequest(
  parts: ConfigPagesParts,
  request: ConfigRequest,
  context: UserContext,
): Promise<AppliedChange> {
  const { checkout } = parts.platform;
  return await apply(parts, commandOf(request), context, async (current) => {
    return (await settle(checkout, request, current)).next;
  });
}

async function apply(
  parts: ConfigPagesParts,
  command: string,
  { caller, log }: UserContext,
  change: (current: unknown) => unknown,
): Promise<AppliedChange> {
  const { platform, registry } = parts;
  const user = caller.user.preferred_username;
  const reason = { command: `${command} (dashboard)`, user };
  const { before, after } = await changeSettings(platform.checkout, change, reason);
  const changes = findChanges(before, after).map(maskChange);
  const keys = changes.map(({ key }) => key);
  if (keys.length > 0) log.info("settings changed", { keys, by: user });
  const { restarts } = await planSync(platform.checkout, after as MasterConfig, registry);
  const report = await syncSaved(platform.checkout, registry);
  void beginRestarts(parts, restarts).catch((error: unknown) => {
    log.error("cannot restart with changed settings", { error });
  });
  return { ...report, restarts, changes };
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
