import postgres from "postgres";
import type { Log } from "./log.ts";

export type Sql = postgres.Sql;

/**
 * A service's pool of connections to its own database. Connects when first used, so a service
 * starts without PostgreSQL and recovers by itself when it comes back; until then queries fail with
 * errors that `databaseIsAway` knows and error_response.ts answers with 503.
 *
 * @param connectionString `postgresql://user:password@host:port/database`
 */
export function connectDatabase(
  connectionString: string,
  { log, max = 5 }: { log: Log; max?: number },
): Sql {
  return postgres(connectionString, {
    max,
    idle_timeout: 60,
    connect_timeout: 5,
    // postgres.js would wait ever longer after failures; somebody is waiting for the answer.
    backoff: () => 0.1,
    onnotice: (notice) => log.debug("database notice", { notice: notice["message"] }),
    connection: { application_name: "hivematrix" },
  });
}
