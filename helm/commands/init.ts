import type { Checkout } from "../config/checkout.ts";
import { initialise } from "../config/initialise.ts";
import { isInitialised, loadMasterConfig, type MasterConfig } from "../config/master_config.ts";
import { publicOrigin } from "../config/public_origin.ts";
import { readAppRegistry } from "../install/app_registry.ts";
import { print } from "./output.ts";
import { readSecret } from "./read_secret.ts";

export interface InitOptions {
  readonly environment: "development" | "production";
  readonly hostname: string;
  readonly portOffset: number;
  readonly tls: boolean | undefined;
  /** Ask for the first user's password instead of choosing one. */
  readonly asksPassword: boolean;
}

/** Where the first user's password may come from, beside a question: never an argument, which `ps` shows. */
export const passwordVariable = "HELM_ADMIN_PASSWORD";

/** `helm init`: makes an installation of this checkout; one that is made already stays as it is. */
export async function init(checkout: Checkout, options: InitOptions): Promise<void> {
  if (await isInitialised(checkout)) {
    const config = await loadMasterConfig(checkout);
    print(
      `This checkout is initialised already, for ${publicOrigin(config)}; nothing was changed.`,
      'Settings are changed with "helm config set", e.g. "helm config set apps.core.port 5001".',
    );
    return;
  }
  const adminPassword =
    process.env[passwordVariable] ||
    (options.asksPassword ? await readSecret("Password of the first user: ") : undefined);
  const made = await initialise(checkout, readAppRegistry(), { ...options, adminPassword });
  print(
    `Initialised for ${made.config.system.environment} at ${publicOrigin(made.config)}.`,
    ...made.notes,
    ...firstUser(made.config, adminPassword !== undefined),
  );
}

function firstUser({ keycloak, system }: MasterConfig, isChosen: boolean): string[] {
  if (isChosen) return [`The first user is "${keycloak.admin_username}", with the password given.`];
  const note = system.environment === "development" ? "" : " It is shown this once; keep it safe.";
  return [
    `The first user is "${keycloak.admin_username}", password "${keycloak.admin_password}".${note}`,
  ];
}
