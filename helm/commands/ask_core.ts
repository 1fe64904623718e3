import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { backendUrl } from "../config/public_origin.ts";

/** A revoke is only answered once every gateway knows, which may take several Cores ten seconds. */
const timeoutMs = 15_000;

/**
 * One question to Core, as the service `helm`.
 *
 * @throws {Error} naming the action when Core cannot be reached or refuses
 */
export async function askCore(
  checkout: Checkout,
  action: string,
  method: "GET" | "POST" | "DELETE",
  path: string,
): Promise<Record<string, unknown>> {
  const config = await loadMasterConfig(checkout);
  const secret = config.apps["helm"]?.service_secret ?? "";
  const credential = Buffer.from(`helm:${secret}`).toString("base64");
  const response = await fetch(new URL(path, backendUrl(config, "core")), {
    method,
    headers: { authorization: `Basic ${credential}` },
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new Error(`Cannot ${action}: Core cannot be reached, see "helm status"`, {
      cause: error,
    });
  });
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return body;
  const reason =
    typeof body["detail"] === "string" ? body["detail"] : `it answered ${response.status}`;
  throw new Error(`Cannot ${action}: Core refuses: ${reason}`);
}
