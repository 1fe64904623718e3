import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "@hivematrix/lib/database";
import { databaseIsAway } from "@hivematrix/lib/database_errors";
import type { Log } from "@hivematrix/lib/log";
import { SettingsError } from "@hivematrix/lib/settings";
import type { EmbeddedAccounts } from "./embedded_accounts.ts";

/** `[first_user]` of instance/keycloak.conf. */
export interface FirstUser {
  readonly username: string;
  readonly password: string;
  readonly email?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * The first user of the configuration, if it names one.
 *
 * @throws {SettingsError} for half a user: nobody could sign in, and nobody would know why
 */
export function readFirstUser(settings: {
  "first_user.username"?: string;
  "first_user.password"?: string;
  "first_user.email"?: string;
  "first_user.name"?: string;
}): FirstUser | undefined {
  const { "first_user.username": username, "first_user.password": password } = settings;
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) {
    const missing = username === undefined ? "username" : "password";
    throw new SettingsError(
      `Cannot start keycloak: first_user.${missing} is missing in keycloak/instance/keycloak.conf, run "helm config sync-all"`,
    );
  }
  const { "first_user.email": email, "first_user.name": name } = settings;
  return { username, password, email, name };
}

/** The groups that Core knows as permission levels (contract §2). */
const groups = ["admins", "technicians", "billing"];

/**
 * Tables, groups, and the first user if there is no user at all: a password that was changed since
 * is never set back, however often the service starts.
 */
export async function prepareDatabase(
  sql: Sql,
  accounts: EmbeddedAccounts,
  { firstUser, log }: { firstUser: FirstUser | undefined; log: Log },
): Promise<void> {
  await sql.unsafe(await readFile(join(import.meta.dirname, "schema.sql"), "utf8"));
  await accounts.ensureGroups(groups);
  if (firstUser === undefined || (await accounts.list()).length > 0) return;
  const { id, username } = await accounts.create({ ...firstUser, groups: ["admins"] });
  log.info("first user created", { user_id: id, username });
}

/**
 * Does the work as soon as PostgreSQL is there, however long that takes: it may be starting, or
 * restarting, and this service has to survive both.
 *
 * @throws whatever is wrong beside PostgreSQL being away
 */
export async function whenDatabaseIsThere(
  work: () => Promise<void>,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<void> {
  for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 5000)) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return;
      if (!databaseIsAway(error)) throw error;
      log.warn("waiting for the database", { delay_ms: delayMs, error: String(error) });
    }
    await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
}
