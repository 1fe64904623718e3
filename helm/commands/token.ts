import { createServiceRegistry, type ServiceEntry } from "@hivematrix/lib/service_registry";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { askCoreAsHelm } from "../control/ask_core.ts";
import { didYouMean } from "../control/near_names.ts";
import { getServiceToken } from "../control/service_token.ts";
import { print } from "./output.ts";

/**
 * `helm token <service>`: a service token for trying that service's API. Standard output has the token
 * and nothing else; at a terminal, standard error says how to use it.
 *
 * @throws {Error} for a service that takes no tokens @throws {CoreError} when Core gives none
 */
export async function showToken(
  checkout: Checkout,
  service: string,
  { isJson }: { isJson: boolean },
): Promise<void> {
  const config = await loadMasterConfig(checkout);
  const { name, url } = findTarget(checkout, service);
  const { token, expiresAt } = await getServiceToken(askCoreAsHelm(config), name);
  if (isJson) {
    const claims = { calling_service: "helm", target_service: name, expires_at: expiresAt };
    return print(JSON.stringify({ token, ...claims, url }, null, 2));
  }
  print(token);
  if (process.stdout.isTTY !== true) return;
  const until = expiresAt.toISOString().slice(11, 19);
  process.stderr.write(
    `With it you are the service "helm" to ${name}, until ${until} UTC. For example:\n` +
      `  curl -H "Authorization: Bearer $(./scripts/helm token ${name})" ${url}/api/data\n`,
  );
}

/** Whom Core gives tokens for: the services in services.json. */
function findTarget(checkout: Checkout, service: string): ServiceEntry {
  const registry = createServiceRegistry(checkout.servicesFile);
  const entry = registry.find(service);
  if (entry !== undefined) return entry;
  const known = registry.list().map(({ name }) => name);
  const file = checkout.display(checkout.servicesFile);
  if (known.length === 0) {
    throw new Error(`Cannot get a token: ${file} names no service yet, run "helm up --detach"`);
  }
  throw new Error(
    `There is no service "${service}" that takes tokens, there are: ${known.join(", ")}${didYouMean(service, known)}`,
  );
}
