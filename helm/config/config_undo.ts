// Back to a former state of the master configuration, which is a change like any other.
import { changeSettings } from "./change_settings.ts";
import type { Checkout } from "./checkout.ts";
import { type ConfigChange, findChanges, maskChange } from "./config_changes.ts";
import { listStates, type Snapshot } from "./config_history.ts";
import { getValue } from "./config_values.ts";
import { isFolder } from "./is_folder.ts";
import { MasterConfigError } from "./master_config.ts";
import { describeProblem, findProblem } from "./master_rules.ts";

export interface HistoryEntry extends Omit<Snapshot, "config"> {
  /** What it changed, secrets masked; none for the oldest, before which nothing is known. */
  readonly changes: readonly ConfigChange[];
}

export function describeHistory(states: readonly Snapshot[]): HistoryEntry[] {
  return states.map(({ config, ...entry }, index) => {
    const before = states[index - 1];
    const changes = before === undefined ? [] : findChanges(before.config, config);
    return { ...entry, changes: changes.map(maskChange) };
  });
}

export interface Undone {
  /** The state that counts again. */
  readonly snapshot: Snapshot;
  readonly changes: readonly ConfigChange[];
}

/**
 * @param back how many changes to go back, or `c<id>` for how it was after that change
 * @throws {Error} when there is no such state, it cannot be used any more, or an app has come or gone
 *   since; nothing is changed then
 */
export async function undoChanges(
  checkout: Checkout,
  back: string,
  user?: string,
): Promise<Undone> {
  const command = `helm config undo ${back === "1" ? "" : back}`.trim();
  const reason = { command, ...(user !== undefined && { user }) };
  let snapshot: Snapshot | undefined;
  const { before, after } = await changeSettings(
    checkout,
    async (current) => {
      snapshot = await findState(checkout, current, back);
      return snapshot.config;
    },
    reason,
  );
  return { snapshot: snapshot as Snapshot, changes: findChanges(before, after) };
}

/** The state that an undo leads to. @throws {Error} as undoChanges */
export async function findState(
  checkout: Checkout,
  current: unknown,
  back: string,
): Promise<Snapshot> {
  const snapshot = pick(await listStates(checkout, current), back);
  const problem = findProblem(snapshot.config);
  if (problem !== undefined) {
    throw new MasterConfigError(
      `Cannot go back to c${snapshot.id}, which cannot be used any more: ${describeProblem(problem)}`,
    );
  }
  if (findChanges(current, snapshot.config).length === 0) {
    throw new Error(`Cannot go back to c${snapshot.id}: the settings are as they were then`);
  }
  await requireSameApps(checkout, current, snapshot);
  return snapshot;
}

/**
 * An app is more than its settings: taken out of them it would run on and keep its folder, put into
 * them it would have none. Where settings are all that there is of it, they come and go.
 *
 * @throws {Error} with the command that installs or uninstalls it
 */
async function requireSameApps(
  checkout: Checkout,
  current: unknown,
  { id, config }: Snapshot,
): Promise<void> {
  const [now, then] = [appsOf(current), appsOf(config)];
  const refuse = (app: string, what: string, remedy: string) =>
    new Error(
      `Cannot go back to c${id}: ${app} ${what} since, which settings alone cannot undo; "helm ${remedy} ${app}" does, and "helm config set" changes single settings`,
    );
  for (const app of now.filter((one) => !then.includes(one))) {
    if (await isFolder(checkout.appFolder(app)))
      throw refuse(app, "has been installed", "uninstall");
  }
  for (const app of then.filter((one) => !now.includes(one))) {
    if (!(await isFolder(checkout.appFolder(app))))
      throw refuse(app, "has been uninstalled", "install");
  }
}

function appsOf(config: unknown): string[] {
  return Object.keys(Object(getValue(config, "apps")));
}

function pick(states: readonly Snapshot[], back: string): Snapshot {
  const id = /^c(\d+)$/.exec(back)?.[1];
  if (id === undefined && !/^[1-9]\d*$/.test(back)) {
    throw new Error(`Cannot go back by "${back}": give a number of changes, or an id like c12`);
  }
  const found =
    id === undefined
      ? states[states.length - 1 - Number(back)]
      : states.find((state) => state.id === Number(id));
  if (found !== undefined) return found;
  const first = states[0];
  const known =
    first === undefined
      ? "none is kept"
      : `the oldest that is kept is c${first.id}, ${states.length - 1} changes ago`;
  throw new Error(`Cannot go back to ${back}: there is no such state, ${known}`);
}
