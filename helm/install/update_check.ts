// What the apps' repositories have that is newer: asked now and then, and kept for whoever looks.
import { join } from "node:path";
import { readIfThere, writeFileAtomically } from "../config/atomic_file.ts";
import type { Checkout } from "../config/checkout.ts";
import { mapFewAtOnce } from "../control/few_at_once.ts";
import { askRemote } from "./app_checkout.ts";

/** What a repository said when it was last asked. */
export interface UpdateCheck {
  /** Whether that is another commit than the one that is installed. */
  readonly available: boolean;
  readonly commit?: string;
  /** Why it has not answered; what stands beside it is then what it said before. */
  readonly error?: string;
  /** ISO 8601; of the last question. */
  readonly at: string;
}

/** Whom to ask, and for which branch, tag or commit. */
export interface AskedApp {
  readonly name: string;
  readonly git_url: string;
  readonly ref?: string | undefined;
}

type Kept = Readonly<Record<string, Omit<UpdateCheck, "available">>>;

const remoteTimeoutMs = 15_000;

/** Asks each app's repository, a few at the same time, and keeps what they say. */
export async function askRepositories(
  checkout: Checkout,
  apps: readonly AskedApp[],
  signal?: AbortSignal,
): Promise<void> {
  const former = await readAnswers(checkout);
  const answers = await mapFewAtOnce(apps, async (app) => {
    const at = new Date().toISOString();
    try {
      const options = { timeoutMs: remoteTimeoutMs, ...(signal !== undefined && { signal }) };
      const commit = await askRemote(app, checkout.root, options);
      return [app.name, { at, ...(commit !== undefined && { commit }) }];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return [app.name, { ...former[app.name], at, error: reason }];
    }
  });
  if (signal?.aborted) return;
  const text = JSON.stringify(Object.fromEntries(answers), null, 2);
  await writeFileAtomically(fileOf(checkout), `${text}\n`);
}

/** What is known of each app; nothing that was true of another version than the one that is there. */
export async function readUpdateChecks(
  checkout: Checkout,
): Promise<(app: string, installed: InstalledVersion) => UpdateCheck | undefined> {
  const answers = await readAnswers(checkout);
  return (app, installed) => {
    const answer = Object.hasOwn(answers, app) ? answers[app] : undefined;
    if (answer === undefined) return undefined;
    const available = answer.commit !== undefined && answer.commit !== installed.commit;
    const isOvertaken = available && installed.since !== undefined && answer.at < installed.since;
    return isOvertaken ? undefined : { ...answer, available };
  };
}

export interface InstalledVersion {
  readonly commit: string | undefined;
  /** ISO 8601; when it was installed, where that is known. */
  readonly since: string | undefined;
}

/** Damaged, it only says less until the next question. */
async function readAnswers(checkout: Checkout): Promise<Kept> {
  try {
    return Object(JSON.parse((await readIfThere(fileOf(checkout))) ?? "{}")) as Kept;
  } catch {
    return {};
  }
}

function fileOf({ helmFolder }: Checkout): string {
  return join(helmFolder, "instance", "app_updates.json");
}
