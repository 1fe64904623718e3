import postgres from "postgres";
import { connectionString } from "../../config/app_files.ts";
import type { MasterConfig } from "../../config/master_config.ts";
import { serverSchema } from "./server_environment.ts";

/** The schema that Keycloak makes its tables in, beside those of the embedded provider. */
export async function ensureServerSchema(config: MasterConfig): Promise<void> {
  const { db_name = "", db_user = "", db_password = "" } = config.apps["keycloak"] ?? {};
  const credentials = { user: db_user, password: db_password, database: db_name };
  const sql = postgres(connectionString(config, credentials), { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(`create schema if not exists ${serverSchema}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
