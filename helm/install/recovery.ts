// Brings to an end what a Helm that was killed has left half done.
import type { Checkout } from "../config/checkout.ts";
import { endGroup } from "../services/process_group.ts";
import { isSameProcess, readRunFile, removeRunFile } from "../services/run_file.ts";
import { type Journal, listJournals } from "./journal.ts";
import { type AppServices, type OperationParts, reasonOf } from "./operation_parts.ts";
import { finishUpdate, undoUpdate } from "./swap_version.ts";
import { concludeInstall, undoInstall } from "./undo_install.ts";
import { finishUninstall } from "./uninstall_app.ts";

const stopGraceMs = 10_000;

/**
 * Finishes or undoes every operation that has left a journal. Before services are started it does all
 * but drop databases, whose journals stay; called again when there is a PostgreSQL, it does that too.
 *
 * @returns the journals it has found
 */
export async function recoverOperations(parts: OperationParts): Promise<Journal[]> {
  const journals = await listJournals(parts.checkout);
  for (const journal of journals) {
    await recoverOperation(parts, journal).catch((error: unknown) => {
      // The others must not wait for it, nor all that runs here; its journal is still there.
      const { kind, app } = journal;
      parts.say(`Cannot bring to an end what was begun (${kind} ${app}): ${reasonOf(error)}`);
    });
  }
  return journals;
}

export async function recoverOperation(parts: OperationParts, journal: Journal): Promise<void> {
  const withServices = { services: runFileServices(parts.checkout), ...parts };
  switch (journal.kind) {
    case "install":
    case "new":
      return journal.end === "undo"
        ? await undoInstall(withServices, journal)
        : await concludeInstall(withServices, journal);
    case "update":
      if (journal.end === "finish") return await finishUpdate(withServices, journal);
      await undoUpdate(withServices, { ...journal, wasRunning: false });
      return;
    case "uninstall":
      return await finishUninstall(withServices, journal);
  }
}

/** Ends what a former Helm has left running; nothing is started before Helm itself starts everything. */
function runFileServices({ runDir }: Checkout): AppServices {
  return {
    async stop(app) {
      const record = await readRunFile(runDir, app);
      if (record !== undefined && (await isSameProcess(record))) {
        await endGroup(record.pid, stopGraceMs);
      }
      await removeRunFile(runDir, app);
    },
    start: async () => {},
    isRunning: async () => false,
    waitUntilReady: async () => {},
    lastLines: async () => [],
  };
}
