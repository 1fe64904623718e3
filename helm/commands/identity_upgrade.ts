import { connectAsAdmin } from "../config/app_databases.ts";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig, type MasterConfig } from "../config/master_config.ts";
import { type ControlClient, connectDaemon } from "../control/control_client.ts";
import { type KeycloakRelease, pinnedKeycloak } from "../keycloak/keycloak_version.ts";
import type { DistributionRequest } from "../keycloak/server/distribution.ts";
import { findJava } from "../keycloak/server/java_runtime.ts";
import { serverFolder } from "../keycloak/server/server_definition.ts";
import { goBack, type UpgradeParts, upgradeServer } from "../keycloak/server/upgrade.ts";
import { withoutFigure } from "../services/progress_text.ts";
import { resolveTyped } from "./called_from.ts";
import { print } from "./output.ts";

export interface UpgradeOptions {
  readonly version: string | undefined;
  readonly sha256: string | undefined;
  /** A path or an http(s) address. */
  readonly archive: string | undefined;
  readonly isBack: boolean;
}

/** `helm identity upgrade [release]` and `helm identity upgrade --back` */
export async function upgradeIdentity(checkout: Checkout, options: UpgradeOptions): Promise<void> {
  const config = await loadMasterConfig(checkout);
  if (config.keycloak.mode !== "server") {
    throw new Error(
      `Cannot upgrade Keycloak: keycloak.mode is "${config.keycloak.mode}", so Helm runs none; "helm config set keycloak.mode server" changes that`,
    );
  }
  const release = options.isBack ? undefined : requireRelease(options);
  const daemon = await connectDaemon(checkout);
  if (daemon === undefined) {
    throw new Error('Helm is not running: start everything with "helm up --detach"');
  }
  const adminSql = connectAsAdmin(config);
  try {
    const parts = await makeParts(checkout, config, daemon, { adminSql, archive: options.archive });
    if (release === undefined) await goBack(parts);
    else await upgradeServer(parts, release);
  } finally {
    await adminSql.end({ timeout: 1 });
  }
}

/** @throws {Error} for a release whose checksum nobody has said */
function requireRelease({ version = pinnedKeycloak.version, sha256 }: UpgradeOptions) {
  if (sha256 !== undefined) return { version, sha256 } satisfies KeycloakRelease;
  if (version === pinnedKeycloak.version) return pinnedKeycloak;
  throw new Error(
    `Cannot upgrade to Keycloak ${version}: this Helm knows ${pinnedKeycloak.version}; for any other release add --sha256 with the checksum of its tar.gz`,
  );
}

async function makeParts(
  checkout: Checkout,
  config: MasterConfig,
  daemon: ControlClient,
  { adminSql, archive }: { adminSql: UpgradeParts["adminSql"]; archive: string | undefined },
): Promise<UpgradeParts> {
  const { db_name: name = "", db_user: owner = "" } = config.apps["keycloak"] ?? {};
  let said = "";
  const tell = (progress: string) => {
    const step = withoutFigure(progress);
    if (step !== said) print(`${step[0]?.toUpperCase()}${step.slice(1)}`);
    said = step;
  };
  const distribution: DistributionRequest = {
    folder: serverFolder(checkout),
    source: archive === undefined || /^https?:/i.test(archive) ? archive : resolveTyped(archive),
    java: await findJava(),
    tell,
  };
  const service = {
    stop: async () => void (await daemon.act("keycloak", "stop")),
    start: async () => void (await daemon.act("keycloak", "start")),
  };
  return { distribution, adminSql, database: { name, owner }, service, tell };
}
