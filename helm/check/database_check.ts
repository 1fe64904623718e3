import postgres from "postgres";
import { connectionString } from "../config/app_files.ts";
import type { AppConfig } from "../config/master_config.ts";
import { type Finding, failed, notTried, ok } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Each app has its own role and database, and no role can connect to another's (design §5). */
export async function checkDatabase({ config, name }: Subject): Promise<Finding> {
  const {
    database,
    db_name: own,
    db_user: user = "",
    db_password: password = "",
  } = config.apps[name] ?? ({} as Partial<AppConfig>);
  if (database === undefined || own === undefined) return notTried("it has no database");
  const reach = (database: string) =>
    tryConnection(connectionString(config, { user, password, database }));
  const problem = await reach(own);
  if (problem !== undefined) {
    return failed(`${own} cannot be reached as ${user}: ${problem.message}`, 'see "helm status"');
  }
  const others = Object.values(config.apps).flatMap(({ db_name: other }) =>
    other === undefined || other === own ? [] : [other],
  );
  const refused: string[] = [];
  for (const other of new Set(others)) {
    const refusal = await reach(other);
    if (refusal === undefined) {
      const remedy = `"revoke connect on database ${other} from public", as the server's administrator; Helm does it for databases that it makes`;
      return failed(`${user} can connect to ${other}`, remedy);
    }
    if (isRefusal(refusal)) refused.push(other);
  }
  return ok(`${own}, and refused at ${refused.join(", ") || "no other, as there is none"}`);
}

/** @returns why it did not come about */
async function tryConnection(url: string): Promise<Error | undefined> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql`select 1`;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Another database may not be there (3D000), which proves nothing. */
function isRefusal(error: Error): boolean {
  return (error as { code?: string }).code === "42501";
}
