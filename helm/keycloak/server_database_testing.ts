// For tests: a database for Keycloak. Making its tables takes Keycloak longer than all else of its
// start, so a test run makes them once, in a database that the others are copies of.
import { startTestPostgres, type TestScope } from "@hivematrix/lib/testing";
import postgres, { type Sql } from "postgres";
import { pinnedKeycloak } from "./keycloak_version.ts";
import { serverSchema } from "./server/server_environment.ts";

const template = `keycloak_${pinnedKeycloak.version.replaceAll(/\W/g, "_")}`;

/**
 * A database of the test's own, with Keycloak's tables where the test run shares a PostgreSQL.
 *
 * @param fill lets Keycloak make its tables in the database of that address, and ends it
 * @returns its address
 */
export async function startServerDatabase(
  scope: TestScope,
  fill: (databaseUrl: string) => Promise<void>,
): Promise<string> {
  const { url } = await startTestPostgres(scope);
  const shared = process.env["HIVEMATRIX_TEST_POSTGRES"];
  if (shared === undefined) {
    await makeServerSchema(url);
    return url;
  }
  // One connection, as the lock is the connection's.
  const sql = postgres(shared, { max: 1, onnotice: () => {} });
  try {
    await sql`select pg_advisory_lock(hashtext(${template}))`;
    await makeTemplate(sql, shared, fill);
    const name = new URL(url).pathname.slice(1);
    // Empty so far, and nobody has connected to it yet.
    await sql.unsafe(`drop database "${name}"`);
    await sql.unsafe(`create database "${name}" template "${template}"`);
  } finally {
    await sql.end({ timeout: 1 });
  }
  return url;
}

/** The schema that Helm makes before it starts Keycloak. */
export async function makeServerSchema(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await sql.unsafe(`create schema if not exists ${serverSchema}`);
  await sql.end({ timeout: 1 });
}

async function makeTemplate(
  sql: Sql,
  adminUrl: string,
  fill: (databaseUrl: string) => Promise<void>,
): Promise<void> {
  const [found] = await sql`select 1 from pg_database where datname = ${template}`;
  if (found !== undefined) return;
  const unfinished = `${template}_new`;
  await sql.unsafe(`drop database if exists "${unfinished}" with (force)`);
  await sql.unsafe(`create database "${unfinished}"`);
  const url = Object.assign(new URL(adminUrl), { pathname: `/${unfinished}` }).href;
  await makeServerSchema(url);
  await fill(url);
  await sql.unsafe(`alter database "${unfinished}" rename to "${template}"`);
}

/** As Keycloak is told it. */
export function readDatabaseUrl(databaseUrl: string) {
  const { hostname, port, pathname, username, password } = new URL(databaseUrl);
  return {
    host: hostname,
    port: Number(port || 5432),
    name: pathname.slice(1),
    user: username,
    // The test server trusts everybody, but Keycloak insists on a password.
    password: password || "none",
  };
}
