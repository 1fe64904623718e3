import postgres from "postgres";
import type { ServiceDefinition } from "../services/service_definition.ts";

/**
 * Healthy is a server that answers a query. A connection alone would not tell: PostgreSQL accepts it
 * already while it recovers from a crash.
 *
 * @throws {Error} with the server's own words, and the way to mend a wrong password
 */
export function postgresHealth(server: {
  port: number;
  password: string;
}): ServiceDefinition["isReady"] {
  return async (signal) => {
    const sql = postgres({
      host: "127.0.0.1",
      port: server.port,
      username: "postgres",
      password: server.password,
      database: "postgres",
      max: 1,
      connect_timeout: 5,
      backoff: false,
      fetch_types: false,
      onnotice: () => {},
    });
    const cancel = () => void sql.end({ timeout: 0 });
    signal.addEventListener("abort", cancel, { once: true });
    try {
      await sql`select 1`;
      return true;
    } catch (error) {
      throw new Error(describe(error as Error & { code?: string }), { cause: error });
    } finally {
      signal.removeEventListener("abort", cancel);
      await sql.end({ timeout: 0 });
    }
  };
}

function describe({ code, message }: Error & { code?: string }): string {
  if (code === "ECONNREFUSED") return "not listening";
  // invalid_password; both files belong to one installation, so one of them was exchanged.
  if (code === "28P01") {
    return 'the password of "postgres" is not the one the data folder was made with: put the former databases.postgresql.admin_password back into the master configuration';
  }
  return message;
}
