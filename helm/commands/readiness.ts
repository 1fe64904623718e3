import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import type { PlatformStatus } from "../control/platform_status.ts";
import { print, welcome } from "./output.ts";
import { statusTable } from "./status_table.ts";

/** Everything is ready: the table, and where to go. */
export async function showReady(checkout: Checkout, status: PlatformStatus): Promise<void> {
  const { keycloak } = await loadMasterConfig(checkout);
  const { admin_username: username, admin_password: password, mode, url } = keycloak;
  const user = mode === "external" ? { elsewhere: url } : { username, password };
  print(statusTable(status.services), "", ...welcome(status, user));
}

/** Something is not: what, why, and what to do about it. */
export function showUnready({ services, problem }: PlatformStatus): void {
  const unready = services.filter(({ state }) => state !== "ready").map(({ name }) => name);
  print(statusTable(services), "");
  if (problem !== undefined) print(problem);
  print(
    `Not ready: ${unready.join(", ")}. The rest keeps running, and Helm keeps trying.`,
    `Look with "helm logs ${unready[0]}", mend the cause, then "helm restart ${unready[0]}".`,
  );
}
