// Updates an app: the new version is made ready beside the running one and takes its place; if it does
// not work there, the former one comes back.
import { join } from "node:path";
import { loadMasterConfig } from "../config/master_config.ts";
import { didYouMean } from "../control/near_names.ts";
import { checkOutBeside, listChanged, listUntracked } from "./app_checkout.ts";
import { type AppPlaces, isThere, placesOf, removeFolder } from "./app_places.ts";
import { git, requireGitUrl } from "./git.ts";
import { relocateEnvironments, runInstallScript } from "./install_script.ts";
import { type InstalledApp, readInstalledApps } from "./installed_apps.ts";
import { listMovable } from "./kept_data.ts";
import { operationMark } from "./operation_mark.ts";
import {
  ChangedByHandError,
  OperationJournal,
  type OperationParts,
  RefusedError,
  reasonOf,
} from "./operation_parts.ts";
import { startApp } from "./start_app.ts";
import { listSubmodules } from "./submodules.ts";
import { finishUpdate, swapIn, undoUpdate } from "./swap_version.ts";

export interface UpdateRequest {
  readonly app: string;
  /** Another branch, tag or commit than so far. */
  readonly ref?: string;
  /** Changes made by hand are put aside as a branch instead of being in the way. */
  readonly isForced?: boolean;
}

interface Version {
  readonly git_url: string;
  readonly ref?: string;
  /** What the next update stays with. */
  readonly chosenRef?: string;
}

/** @returns whether there was anything new */
export async function updateApp(parts: OperationParts, request: UpdateRequest): Promise<boolean> {
  const { app } = request;
  const places = placesOf(parts.checkout, app);
  const installed = await requireInstalled(parts, app, places);
  const version = chooseVersion(parts, request, installed);
  const kept = await keepChanges(app, places.folder, installed, request.isForced === true);
  const journal = new OperationJournal(parts, { app, kind: "update", end: "undo" });
  try {
    await journal.step("fetching the code");
    await removeFolder(places.preparing);
    parts.say(`Fetching ${version.git_url}${version.ref === undefined ? "" : ` (${version.ref})`}`);
    const commit = await checkOutBeside(
      places.folder,
      places.preparing,
      version,
      watchOf(parts, app),
      kept,
    );
    if (commit === (await headOf(places.folder)) && kept === undefined) {
      await removeFolder(places.preparing);
      await journal.remove();
      parts.say(`${app} is up to date, at ${commit.slice(0, 12)}.`);
      return false;
    }
    parts.say(`At commit ${commit.slice(0, 12)}`);
    if (kept !== undefined) parts.say(`What was changed by hand is on the branch ${kept.branch}.`);
    await journal.step("running install.sh");
    await runInstallScript(parts, app, places.preparing);
    await replace(parts, journal, places);
    const { git_url, chosenRef: ref } = version;
    const at = new Date().toISOString();
    const updated = { git_url, commit, at, ...(ref !== undefined && { ref }) };
    await journal.step("cleaning up", { end: "finish", installed: updated });
    await finishUpdate(parts, journal.current);
    return true;
  } catch (error) {
    if (journal.current.end === "finish") throw error;
    parts.say(`Cannot update "${app}": ${reasonOf(error)}`);
    const hadDatabase = await undoUpdate(parts, journal.current);
    if (error instanceof RefusedError) throw error;
    const message = `Cannot update "${app}": ${reasonOf(error)}; the former version is in its place`;
    const database = hadDatabase ? ", with the database as the new one has left it" : "";
    throw new Error(`${message}${database}`, { cause: error });
  }
}

/** Stops the running version, lets the new one take its place, and waits until that works. */
async function replace(
  parts: OperationParts,
  journal: OperationJournal,
  places: AppPlaces,
): Promise<void> {
  const { services, say } = parts;
  const { app } = journal.current;
  const wasRunning = (await services?.isRunning(app)) ?? false;
  await journal.step("stopping the former version", { wasRunning });
  await services?.stop(app);
  await journal.step("putting it in place", { paths: await listKeptOnUpdate(places) });
  await swapIn(parts, journal.current);
  await relocateEnvironments(places.folder, places.preparing);
  await journal.step("starting it");
  say("Starting the new version");
  if (services === undefined) return;
  await startApp(parts, services, app);
  if (!wasRunning) await services.stop(app);
}

/** Data and settings, and whatever else no new version brings by itself. */
async function listKeptOnUpdate({ folder, preparing }: AppPlaces): Promise<string[]> {
  const paths: string[] = [];
  for (const path of await listUntracked(folder)) {
    if (path === "instance") paths.push(...(await listMovable(join(folder)).then(inInstance)));
    else if (/^(\.env|\.flaskenv|services\.json)$|^instance\//.test(path)) paths.push(path);
    else if (/(^|\/)__pycache__$/.test(path)) continue;
    else if (!(await isThere(join(preparing, path)))) paths.push(path);
  }
  return paths;
}

function inInstance(paths: readonly string[]): string[] {
  return paths.filter((path) => path.startsWith("instance/"));
}

async function requireInstalled(
  { checkout, registry }: OperationParts,
  app: string,
  { folder }: AppPlaces,
): Promise<InstalledApp> {
  const refuse = (reason: string) => new RefusedError(`Cannot update "${app}": ${reason}`);
  const { apps } = await loadMasterConfig(checkout);
  if (apps[app] === undefined) {
    throw refuse(`it is not installed${didYouMean(app, Object.keys(apps))}`);
  }
  const entry = registry.find(app);
  if (entry !== undefined && entry.git_url === undefined) {
    throw refuse("it is part of this checkout; update that with git pull");
  }
  const recorded = (await readInstalledApps(checkout))[app];
  const git_url = recorded?.git_url ?? entry?.git_url;
  if (git_url === undefined || !(await isThere(join(folder, ".git")))) {
    throw refuse(`apps/${app} comes from no repository that Helm knows`);
  }
  return recorded ?? { git_url, commit: "", at: "" };
}

/** A ref that somebody has asked for stays; without one the registry's entry counts as it is by now. */
function chooseVersion(
  { registry }: OperationParts,
  { app, ref: asked }: UpdateRequest,
  installed: InstalledApp,
): Version {
  const entry = registry.find(app);
  const git_url = entry?.git_url ?? installed.git_url;
  const chosenRef = asked ?? installed.ref;
  const ref = chosenRef ?? entry?.ref;
  requireGitUrl(git_url);
  return {
    git_url,
    ...(ref !== undefined && { ref }),
    ...(chosenRef !== undefined && { chosenRef }),
  };
}

/** @returns where what somebody changed by hand is kept; `undefined` when nobody has */
async function keepChanges(
  app: string,
  folder: string,
  { commit }: InstalledApp,
  isForced: boolean,
): Promise<{ branch: string; commit: string } | undefined> {
  const changed = await listChanged(folder);
  const own = await countOwnCommits(folder, commit);
  if (changed.length === 0 && own === 0) return undefined;
  if (!isForced) {
    const files = changed.slice(0, 10).join(", ") + (changed.length > 10 ? ", …" : "");
    const what =
      changed.length > 0 ? `files changed by hand: ${files}` : `${own} commits of its own`;
    throw new ChangedByHandError(
      `Cannot update "${app}": apps/${app} has ${what}; --force keeps that on a branch and goes on`,
    );
  }
  await requireKeepable(app, folder, changed);
  const identity = ["-c", "user.name=Helm", "-c", "user.email=helm@localhost"];
  const made = changed.length > 0 ? await git([...identity, "stash", "create"], { folder }) : "";
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, "").slice(0, 15);
  return { branch: `helm-kept-${stamp}`, commit: made.trim() || (await headOf(folder)) };
}

/** A branch of the app's holds nothing that was changed in a submodule. */
async function requireKeepable(app: string, folder: string, changed: readonly string[]) {
  const submodules = await listSubmodules(folder, changed);
  if (submodules.length === 0) return;
  throw new RefusedError(
    `Cannot update "${app}": apps/${app} has submodules changed by hand, which --force cannot keep: ${submodules.join(", ")}; commit and push what is in them, then take it back there with "git submodule update --force"`,
  );
}

/** Commits that no branch of the repository has. What it once had and has dropped is not somebody's own. */
async function countOwnCommits(folder: string, installed: string): Promise<number> {
  if ((await headOf(folder)) === installed) return 0;
  const words = ["rev-list", "--count", "HEAD", "--not", "--remotes", "--tags"];
  return Number(await git(words, { folder }));
}

async function headOf(folder: string): Promise<string> {
  return (await git(["rev-parse", "HEAD"], { folder })).trim();
}

function watchOf({ checkout, say, signal }: OperationParts, app: string) {
  return {
    mark: operationMark(checkout, app),
    onLine: (line: string) => say(`  ${line}`),
    ...(signal !== undefined && { signal }),
  };
}
