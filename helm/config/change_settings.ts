import type { Sql } from "postgres";
import { scramVerifier } from "../postgres/scram_verifier.ts";
import { connectAsAdmin } from "./app_databases.ts";
import type { Checkout } from "./checkout.ts";
import type { ChangeReason } from "./config_history.ts";
import {
  type MasterConfig,
  readMasterDocument,
  requireValid,
  saveMasterConfig,
} from "./master_config.ts";
import { findProblem } from "./master_rules.ts";

/**
 * Saves changed settings. Another password of the embedded PostgreSQL's superuser is given to the server
 * first: nobody but Helm knows it, and with one that the server does not know no app could start.
 *
 * @throws {Error} with the key and the reason; the settings and the server are then as before
 */
export async function changeSettings(
  checkout: Checkout,
  { current, next }: { readonly current: unknown; readonly next: unknown },
  reason: ChangeReason,
): Promise<void> {
  const wanted = requireValid(checkout, next);
  const { value: found } = await readMasterDocument(checkout);
  if (JSON.stringify(found) !== JSON.stringify(current)) {
    throw new Error(
      "Cannot save the settings: somebody else has changed them meanwhile, try again",
    );
  }
  if (!hasOtherPassword(current, wanted)) return await saveMasterConfig(checkout, next, reason);
  const sql = connectAsAdmin(current as MasterConfig);
  try {
    await setPassword(sql, wanted);
    try {
      await saveMasterConfig(checkout, next, reason);
    } catch (error) {
      await setPassword(sql, current as MasterConfig);
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
