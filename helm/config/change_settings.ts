import type { Sql } from "postgres";
import { scramVerifier } from "../postgres/scram_verifier.ts";
import { connectAsAdmin } from "./app_databases.ts";
import type { Checkout } from "./checkout.ts";
import type { ChangeReason } from "./config_history.ts";
import { withConfigLock } from "./config_lock.ts";
import {
  type MasterConfig,
  readMasterDocument,
  requireValid,
  writeMasterConfig,
} from "./master_config.ts";
import { findProblem } from "./master_rules.ts";

/** The settings around a change. */
export interface ChangedSettings {
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * Saves what `change` makes of the settings, with no other writer in between. Another password of the
 * embedded PostgreSQL's superuser is given to the server first: nobody but Helm knows it, and with one
 * that the server does not know no app could start.
 *
 * @throws {Error} with the key and the reason; the settings and the server are then as before
 */
export async function changeSettings(
  checkout: Checkout,
  change: (current: unknown) => unknown,
  reason: ChangeReason,
): Promise<ChangedSettings> {
  return await withConfigLock(checkout, reason.command, async () => {
    const { value: before } = await readMasterDocument(checkout);
    const after = await change(before);
    const wanted = requireValid(checkout, after);
    const save = () => writeMasterConfig(checkout, after, reason);
    if (hasOtherPassword(before, wanted))
      await saveWithPassword(before as MasterConfig, wanted, save);
    else await save();
    return { before, after };
  });
}

async function saveWithPassword(
  before: MasterConfig,
  wanted: MasterConfig,
  save: () => Promise<void>,
): Promise<void> {
  const sql = connectAsAdmin(before);
  try {
    await setPassword(sql, wanted);
    try {
      await save();
    } catch (error) {
      await setPassword(sql, before);
      throw error;
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Somebody else's server has its password from somebody else. */
function hasOtherPassword(current: unknown, next: MasterConfig): boolean {
  if (findProblem(current) !== undefined) return false; // A broken file is being mended.
  const [before, after] = [
    (current as MasterConfig).databases.postgresql,
    next.databases.postgresql,
  ];
  const isOurs = before.mode === "embedded" && after.mode === "embedded";
  return isOurs && before.admin_password !== after.admin_password;
}

async function setPassword(sql: Sql, { databases: { postgresql } }: MasterConfig): Promise<void> {
  const { admin_user: user, admin_password: password } = postgresql;
  try {
    await sql.unsafe(`alter role "${user}" password '${await scramVerifier(password)}'`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot change databases.postgresql.admin_password: PostgreSQL has to be given it too, and it answers: ${reason}`,
      { cause: error },
    );
  }
}
