import { connectDatabase } from "@hivematrix/lib/database";
import { createLog } from "@hivematrix/lib/log";
import { connectionString } from "../config/app_files.ts";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { serviceNames } from "../config/service_names.ts";
import { didYouMean } from "../control/near_names.ts";
import { LogChain } from "../logs/log_chain.ts";
import { readLogHeads } from "../logs/log_heads.ts";
import { type ChainReport, verifyChains } from "../logs/verify_chain.ts";
import { print } from "./output.ts";
import { formatTable } from "./table.ts";

/**
 * `helm logs verify`: whether the stored lines are as Helm stored them.
 *
 * @throws {Error} when the database cannot be asked, or something in it does not fit
 */
export async function verifyLogs(
  checkout: Checkout,
  { services, isJson }: { services: readonly string[]; isJson: boolean },
): Promise<void> {
  const config = await loadMasterConfig(checkout);
  const { db_name = "", db_user = "", db_password = "" } = config.apps["helm"] ?? {};
  const credentials = { database: db_name, user: db_user, password: db_password };
  const log = createLog("helm", { level: "error" });
  const sql = connectDatabase(connectionString(config, credentials), { log, max: 1 });
  try {
    const heads = await readLogHeads(checkout.logDir);
    const chain = new LogChain(config.system.secret_key);
    const reports = await verifyChains(sql, chain, { heads, services }).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message || String(error) : String(error);
      throw new Error(`Cannot verify the logs: Helm's database does not answer: ${reason}`, {
        cause: error,
      });
    });
    // Lines of a service that is gone are still there, so its name may be none of the configuration's.
    const unknown = services.find((name) => !reports.some(({ service }) => service === name));
    const known = serviceNames(config);
    if (unknown !== undefined && !known.includes(unknown)) {
      throw new Error(`No lines of "${unknown}" are stored${didYouMean(unknown, known)}`);
    }
    print(isJson ? JSON.stringify(reports, null, 2) : describe(reports));
    const wrong = reports.filter(({ problem }) => problem !== undefined);
    if (wrong.length === 0) return;
    const names = wrong.map(({ service }) => service).join(", ");
    throw new Error(`The stored logs are not as Helm stored them: ${names}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function describe(reports: readonly ChainReport[]): string {
  if (reports.length === 0) return "No lines have been stored yet.";
  return formatTable(
    ["service", "lines", "batches", "chain"],
    reports.map(({ service, lines, batches, problem }) => ({
      cells: [service, String(lines), String(batches), problem ?? "whole"],
    })),
  );
}
