// For tests of the pages about sessions: the dashboard's own routes on a port, and a real Core with
// people signed in. A test may import another service; the dashboard itself may not.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { router } from "@hivematrix/lib/router";
import { serve } from "@hivematrix/lib/serve";
import { createTestLog } from "@hivematrix/lib/testing";
import { parse } from "parse5";
import {
  adaUserinfo,
  type StartedCore,
  startCore,
  type TestCoreOptions,
} from "../../core/testing.ts";
import type { Checkout } from "../config/checkout.ts";
import type { MasterConfig } from "../config/master_config.ts";
import { makeInstallManager } from "../control/app_services.ts";
import { createHelmAuth } from "../control/helm_auth.ts";
import { Platform } from "../control/platform.ts";
import { Figures } from "../figures/figures.ts";
import { LogStore } from "../logs/log_store.ts";
import { afterTest, lastFirst, makeCheckout, makeConfig, registry } from "../testing.ts";
import { createDashboard } from "./dashboard.ts";

export const root = {
  ...adaUserinfo,
  sub: "root-sub",
  name: "Ruth Root",
  email: "root@example.org",
  preferred_username: "root",
  groups: ["admins"],
};
export const ada = adaUserinfo;
export const grace = {
  ...adaUserinfo,
  sub: "grace-sub",
  name: "Grace Hopper <b>",
  email: "grace@example.org",
  preferred_username: "grace",
};

export interface TestSessions {
  readonly core: StartedCore;
  readonly checkout: Checkout;
  /** What the platform began with; nobody has saved it. */
  readonly config: MasterConfig;
  readonly log: ReturnType<typeof createTestLog>;
  readonly url: string;
  /** The administrator's token. */
  readonly token: string;
  /** Signs somebody in with a device. @returns the token */
  signIn(person?: object, userAgent?: string): Promise<string>;
  isLive(token: string): Promise<boolean>;
  /** A request as the administrator behind Nexus, whose cookie never comes here. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The same, sending a form. */
  post(fields: Record<string, string>, init?: RequestInit): Promise<Response>;
}

const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36";

export async function startSessions(
  t: TestContext,
  options: TestCoreOptions & { readonly keycloakSettings?: Partial<MasterConfig["keycloak"]> } = {},
): Promise<TestSessions> {
  const { keycloakSettings, ...coreOptions } = options;
  const core = await startCore(lastFirst(t), { services: ["helm", "template"], ...coreOptions });
  const checkout = await makeCheckout(t);
  const defaults = makeConfig();
  const coreApp = { service_secret: "", port: Number(new URL(core.url).port) };
  const config = {
    ...defaults,
    apps: { ...defaults.apps, core: coreApp },
    keycloak: { ...defaults.keycloak, ...keycloakSettings },
  };
  const log = createTestLog("helm");
  const platform = new Platform(config, { checkout, registry, log });
  const auth = createHelmAuth(platform.config);
  const figures = new Figures(platform, log);
  const logs = new LogStore(platform, log);
  const installs = makeInstallManager({ platform, registry, log });
  const dashboard = createDashboard({ platform, installs, log, auth, figures, logs });
  const server = await serve(router(dashboard.routes, { service: "helm", log }), { port: 0 });
  afterTest(t, async () => {
    dashboard.close();
    await server.close();
  });
  const signIn = (person: object = ada, userAgent = chrome) =>
    core.signIn(person, { user_agent: userAgent, address: "192.0.2.7" });
  const token = await signIn(root);
  const ask: TestSessions["ask"] = (path, init = {}) => {
    const headers = new Headers({
      authorization: `Bearer ${token}`,
      "x-forwarded-prefix": "/helm",
      accept: "text/html",
    });
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    return fetch(new URL(path, server.url), { redirect: "manual", ...init, headers });
  };
  return {
    core,
    checkout,
    config,
    log,
    url: server.url.origin,
    token,
    signIn,
    isLive: async (other) => (await core.post("/api/token/validate", { token: other })).ok,
    ask,
    post: (fields, init = {}) =>
      ask("/sessions/end", { method: "POST", body: new URLSearchParams(fields), ...init }),
  };
}

/** The text of a page that is there, kept by no cache, and whole in a parser's eyes. */
export async function readSoundPage(response: Response): Promise<string> {
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const page = await readPage(response);
  const errors: string[] = [];
  parse(page, { onParseError: ({ code }) => errors.push(code) });
  assert.deepEqual(errors, []);
  return page;
}

/** A page's text as a person reads it: mustache also escapes slashes. */
export async function readPage(response: Response): Promise<string> {
  const entities: Record<string, string> = { "&#x2F;": "/", "&#x3D;": "=", "&amp;": "&" };
  return (await response.text()).replace(
    /&#x2F;|&#x3D;|&amp;/g,
    (entity) => entities[entity] ?? "",
  );
}
