// What Helm's tests share: a checkout of their own in a temporary folder.
import { randomInt } from "node:crypto";
import { mkdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeNumberedFolder } from "@hivematrix/lib/folder_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { isBlockedPort } from "./config/blocked_ports.ts";
import { type Checkout, createCheckout } from "./config/checkout.ts";
import type { MasterConfig } from "./config/master_config.ts";
import { newMasterConfig } from "./config/new_master_config.ts";
import { probePort } from "./config/port_probe.ts";
import { type AppRegistry, readAppRegistry } from "./install/app_registry.ts";

const cleanUps = new WeakMap<TestScope, (() => unknown)[]>();

/** Like `t.after`, but what was made last goes first: a daemon ends before its folder does. */
export function afterTest(t: TestScope, cleanUp: () => unknown): void {
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

/** A test's scope in which what was made last goes first: a Core ends before its database does. */
export function lastFirst(t: TestScope): TestScope {
  return { after: (cleanUp) => afterTest(t, cleanUp) };
}

/** An empty checkout with the folders of our own services; gone when the test ends. */
export async function makeCheckout(t: TestScope): Promise<Checkout> {
  const root = makeNumberedFolder("hivematrix-helm");
  afterTest(t, () => rm(root, { recursive: true, force: true, maxRetries: 20 }));
  const checkout = createCheckout(root);
  for (const app of ["core", "nexus", "helm", "template", "keycloak"]) {
    await mkdir(checkout.appFolder(app), { recursive: true });
  }
  return checkout;
}

/** Of the checkout alone: what whoever runs the tests has installed is none of theirs. */
export const registry: AppRegistry = readAppRegistry(
  undefined,
  join(tmpdir(), "no-such-file.json"),
);

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

/** An offset at which nobody listens; found by chance, because other tests look for one at the same time. */
export async function findFreeOffset(): Promise<number> {
  for (;;) {
    const portOffset = randomInt(3000, 24_000);
    const ports = [443, 5432, 5433, ...registry.list().map((app) => app.port)];
    const states = await Promise.all(ports.map((port) => probePort(port + portOffset)));
    const isBlocked = ports.some((port) => isBlockedPort(port + portOffset));
    if (!isBlocked && states.every((state) => state === "free")) return portOffset;
  }
}

/** The permissions of a file, as `ls` means them: `600`. */
export async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}
