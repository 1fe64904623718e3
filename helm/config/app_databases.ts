import postgres, { type Sql } from "postgres";
import { ensureAppDatabase } from "../postgres/app_database.ts";
import { connectionString } from "./app_files.ts";
import type { ConfigSource } from "./config_source.ts";
import type { MasterConfig } from "./master_config.ts";

/** The databases of the apps, made before the app first needs them. */
export interface AppDatabases {
  /** Makes an app's role and database if they are missing; nothing for an app without one. */
  ensure(app: string): Promise<void>;
}

export function createAppDatabases(source: ConfigSource): AppDatabases {
  return { ensure: (app) => ensure(source, app) };
}

async function ensure(source: ConfigSource, app: string): Promise<void> {
  const config = await source.read();
  const { database, db_name = "", db_user = "", db_password = "" } = config.apps[app] ?? {};
  if (database === undefined) return;
  const isExternal = config.databases.postgresql.mode === "external";
  const sql = connectAsAdmin(config);
  try {
    const app = { database: db_name, user: db_user, password: db_password };
    await ensureAppDatabase(sql, app, { isExternal });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** One connection to the server's database `postgres`, of whoever may make databases; to be ended. */
export function connectAsAdmin(config: MasterConfig): Sql {
  const { admin_user: user, admin_password: password } = config.databases.postgresql;
  const url = connectionString(config, { user, password, database: "postgres" });
  return postgres(url, { max: 1, onnotice: () => {} });
}
