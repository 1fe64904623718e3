import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { AppRegistry } from "../install/app_registry.ts";
import { isBlockedPort } from "./blocked_ports.ts";
import type { Checkout } from "./checkout.ts";
import { syncAll } from "./config_manager.ts";
import { type MasterConfig, saveFirstMasterConfig } from "./master_config.ts";
import { newMasterConfig } from "./new_master_config.ts";
import { renewNexusCertificate } from "./nexus_certificate.ts";
import { decideNexusListening } from "./nexus_listening.ts";
import { describePortHolder, nextFreePort, probePort } from "./port_probe.ts";

export interface InitialiseOptions {
  readonly environment: "development" | "production";
  readonly hostname: string;
  readonly portOffset: number;
  readonly tls: boolean | undefined;
  readonly adminPassword: string | undefined;
}

export interface Initialised {
  readonly config: MasterConfig;
  /** Lines that a person should read. */
  readonly notes: readonly string[];
}

/**
 * Makes an installation of a checkout: ports, secrets, certificate, master configuration and every
 * app's files.
 *
 * @throws {Error} when a port is taken, naming who holds it; nothing is written then
 */
export async function initialise(
  checkout: Checkout,
  registry: AppRegistry,
  options: InitialiseOptions,
): Promise<Initialised> {
  const { environment, portOffset } = options;
  // In development the password is the well-known one, so nobody else may reach the platform.
  const bindAddress = environment === "production" ? "0.0.0.0" : "127.0.0.1";
  const nexus = await decideNexusListening({ portOffset, bindAddress, tls: options.tls });
  const postgresPort = await nextFreePort(5432 + portOffset);
  const config = newMasterConfig(registry, { ...options, bindAddress, nexus, postgresPort });
  await requireFreePorts(config);
  await makeInstanceFolder(checkout);
  await renewNexusCertificate(checkout, config);
  await saveFirstMasterConfig(checkout, config);
  await syncAll(checkout, config, registry);
  const movedPostgres = postgresPort !== 5432 + portOffset;
  const notes = [
    nexus.note,
    nexus.tls && "TLS with a self-signed certificate: browsers warn until you install your own",
    movedPostgres && `PostgreSQL on port ${postgresPort}, because ${5432 + portOffset} is taken`,
  ];
  return { config, notes: notes.filter((note) => typeof note === "string") };
}

/** When Helm is root, PostgreSQL runs as somebody else, who has to pass through here to its data. */
async function makeInstanceFolder({ helmFolder }: Checkout): Promise<void> {
  const folder = join(helmFolder, "instance");
  await mkdir(folder, { recursive: true });
  await chmod(folder, process.getuid?.() === 0 ? 0o711 : 0o700);
}

async function requireFreePorts({ apps }: MasterConfig): Promise<void> {
  for (const [app, { port }] of Object.entries(apps)) {
    if (isBlockedPort(port)) {
      throw new Error(
        `Cannot initialise: browsers and programs refuse to open port ${port}, which ${app} would have; choose other ports with --port-offset N`,
      );
    }
    if ((await probePort(port)) !== "taken") continue;
    throw new Error(
      `Cannot initialise: port ${port} for ${app} is taken by ${await describePortHolder(port)}; end that process, or choose other ports with --port-offset N`,
    );
  }
}
