// What Helm's tests share: a checkout of their own in a temporary folder.
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Checkout, createCheckout } from "./config/checkout.ts";
import type { MasterConfig } from "./config/master_config.ts";
import { newMasterConfig } from "./config/new_master_config.ts";
import { type AppRegistry, readAppRegistry } from "./install/app_registry.ts";

const cleanUps = new WeakMap<TestContext, (() => unknown)[]>();

/** Like `t.after`, but what was made last goes first: a daemon ends before its folder does. */
export function afterTest(t: TestContext, cleanUp: () => unknown): void {
  const known = cleanUps.get(t);
  if (known !== undefined) {
    known.push(cleanUp);
    return;
  }
  const list = [cleanUp];
  cleanUps.set(t, list);
  t.after(async () => {
    for (const each of list.reverse()) await each();
  });
}

/** An empty checkout with the folders of our own services; gone when the test ends. */
export async function makeCheckout(t: TestContext): Promise<Checkout> {
  const root = await mkdtemp(join(tmpdir(), "helm-test-"));
  afterTest(t, () => rm(root, { recursive: true, force: true }));
  const checkout = createCheckout(root);
  for (const app of ["core", "nexus", "helm", "template", "keycloak"]) {
    await mkdir(checkout.appFolder(app), { recursive: true });
  }
  return checkout;
}

export const registry: AppRegistry = readAppRegistry();

/** The configuration of a development installation, on ports beside the usual ones. */
export function makeConfig(
  options: Partial<Parameters<typeof newMasterConfig>[1]> = {},
): MasterConfig {
  return newMasterConfig(registry, {
    environment: "development",
    hostname: "localhost",
    portOffset: 20_000,
    bindAddress: "127.0.0.1",
    nexus: { port: 28_000, tls: false },
    postgresPort: 25_432,
    adminPassword: undefined,
    ...options,
  });
}

/** The permissions of a file, as `ls` means them: `600`. */
export async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}
