// The realm set-up as a step of Helm's: what it is told, and what becomes of its failures.
import type { Log } from "@hivematrix/lib/log";
import { adminPlace } from "../../config/admin_place.ts";
import {
  type AdminClient,
  adminClient,
  firstUser,
  keycloakBackendUrl,
} from "../../config/identity_settings.ts";
import type { MasterConfig } from "../../config/master_config.ts";
import { backendUrl, publicOrigin } from "../../config/public_origin.ts";
import { pause } from "../../services/pause.ts";
import type { StartStep } from "../../services/service_definition.ts";
import type { AdminPlace } from "../admin_client.ts";
import { keepConsoleLocal } from "../admin_console.ts";
import { IdentityError } from "../identity_error.ts";
import { setUpRealm } from "../realm_setup.ts";
import type { RealmWish } from "../realm_wish.ts";
import { themeName } from "../theme_files.ts";
import { renewAdminClient } from "./admin_credential.ts";

/** In its first moments Keycloak may still refuse what it does a second later. */
const tries = 5;
const delayMs = 1000;

/**
 * Sets the realm right before the server counts as ready. Where that cannot be done but there is a
 * realm, people sign in with it as it is, and the log says what is wrong.
 *
 * @param readFormer what Helm was at the server by former settings (admin_credential.ts)
 * @throws {Error} when there is no realm, so that nobody could sign in
 */
export async function settleRealm(
  config: MasterConfig,
  step: StartStep,
  readFormer: () => Promise<readonly AdminClient[]>,
): Promise<void> {
  const { tell, signal, log } = step;
  tell("setting up the realm");
  try {
    const mended = await tryToSetUp(config, readFormer, signal);
    for (const what of mended) log.info(`keycloak: ${what}`);
  } catch (error) {
    if (signal.aborted) return;
    if (!(await hasRealm(config))) throw error;
    logFailure(log, error);
  }
}

/**
 * The same for a provider that somebody else runs: as much as Helm's client there is allowed to.
 * Never throws.
 */
export async function mendExternalRealm(config: MasterConfig, log: Log): Promise<void> {
  try {
    const mended = await setUpRealm(adminPlace(config), realmWish(config));
    for (const what of mended) log.info(`keycloak: ${what}`);
  } catch (error) {
    logFailure(log, error);
  }
}

async function tryToSetUp(
  config: MasterConfig,
  readFormer: () => Promise<readonly AdminClient[]>,
  signal: AbortSignal,
): Promise<string[]> {
  for (let left = tries; ; left--) {
    try {
      const place = bootstrapPlace(config);
      return [
        ...(await renewAdminClient(place, readFormer)),
        ...(await setUpRealm(place, realmWish(config))),
        ...(await keepConsoleLocal(place)),
      ];
    } catch (error) {
      const isRefusal = error instanceof IdentityError && (error.status ?? 500) < 500;
      if (isRefusal || left <= 1 || signal.aborted) throw error;
      await pause(delayMs, signal);
    }
  }
}

/** The service account that the server made itself at its first start, in the master realm. */
export function bootstrapPlace(config: MasterConfig): AdminPlace {
  return { ...adminPlace(config), tokenRealm: "master" };
}

function realmWish(config: MasterConfig): RealmWish {
  const { client_id: id, client_secret: secret, mode } = config.keycloak;
  const isOurs = mode === "server";
  return {
    publicOrigin: publicOrigin(config),
    coreUrl: backendUrl(config, "core"),
    coreClient: { id, secret },
    helmClient: adminClient(config),
    isShared: !isOurs,
    // Who may be in somebody else's realm is for them to say, too.
    firstUser: isOurs ? firstUser(config) : undefined,
    ...(isOurs && { loginTheme: themeName }),
    coreSessionSeconds: config.system.session_lifetime_seconds,
  };
}

async function hasRealm(config: MasterConfig): Promise<boolean> {
  const url = `${keycloakBackendUrl(config)}/realms/${config.keycloak.realm}`;
  return await fetch(url, { signal: AbortSignal.timeout(10_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

function logFailure(log: Log, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  log.error(`the realm could not be set right, people sign in with it as it is: ${reason}`);
}
