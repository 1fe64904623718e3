// Starts this service for tests: the real routes on a real server, PostgreSQL and a small Core.
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuth } from "@hivematrix/lib/auth";
import type { Sql } from "@hivematrix/lib/database";
import { type Route, router } from "@hivematrix/lib/router";
import { serve } from "@hivematrix/lib/serve";
import { createServiceClient } from "@hivematrix/lib/service_client";
import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import {
  createTestLog,
  startTestCore,
  startTestPostgres,
  type TestCore,
  type TestScope,
  testServiceSecret,
} from "@hivematrix/lib/testing";
import { createTokenVerifier, type UserClaims } from "@hivematrix/lib/token_verifier";
import { createViews } from "@hivematrix/lib/views";
import { initDb } from "./init_db.ts";
import { createNoteStore, type NoteStore } from "./note_store.ts";
import { serviceRoutes } from "./routes.ts";

/** Any name will do: nothing here may depend on what the folder is called. */
export const testService = "example";

export interface TestedService {
  readonly url: URL;
  readonly core: TestCore;
  readonly notes: NoteStore;
  readonly sql: Sql;
  readonly routes: readonly Route[];
  readonly logLines: readonly string[];
  /** Someone new, so that tests on one database do not meet. */
  newUser(overrides?: Partial<UserClaims>): Promise<TestUser>;
  /** Sends a request; without a token when there is none. */
  send(path: string, init?: SendInit): Promise<Response>;
}

export interface TestUser {
  readonly sub: string;
  readonly token: string;
}

export interface SendInit {
  method?: string;
  token?: string | undefined;
  /** Sent as an HTML form, by POST. */
  form?: Record<string, string>;
  /** Sent as JSON, by POST unless said otherwise. */
  json?: unknown;
  headers?: Record<string, string>;
}

/**
 * @param others further services for services.json, by name with their URL
 */
export async function startService(
  scope: TestScope,
  others: Record<string, string> = {},
): Promise<TestedService> {
  const [core, postgres] = await Promise.all([startTestCore(scope), startTestPostgres(scope)]);
  const log = createTestLog(testService);
  await initDb(postgres.sql, log);

  const folder = mkdtempSync(join(tmpdir(), "hivematrix-service-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const servicesFile = join(folder, "services.json");
  const registry = createServiceRegistry(servicesFile);
  const client = { service: testService, serviceSecret: testServiceSecret, coreUrl: core.url };
  const notes = createNoteStore(postgres.sql);
  const routes = serviceRoutes({
    service: testService,
    settings: { PORT: "0", CORE_SERVICE_URL: core.url, "database.db_name": "example_db" },
    registry,
    auth: createAuth(createTokenVerifier({ coreUrl: core.url, service: testService })),
    client: createServiceClient({ ...client, registry, timeoutMs: 2000 }),
    notes,
    views: createViews(join(import.meta.dirname, "views")),
  });
  const server = await serve(router(routes, { service: testService, log }), { port: 0 });
  scope.after(() => server.close());

  // A real services.json, with the service itself in it; nobody has asked the registry before.
  const urls = { [testService]: server.url.origin, ...others };
  const entries = Object.entries(urls).map(([name, url]) => [name, { url, title: `The ${name}` }]);
  writeFileSync(servicesFile, JSON.stringify(Object.fromEntries(entries)));

  return {
    url: server.url,
    core,
    notes,
    sql: postgres.sql,
    routes,
    logLines: log.lines,
    async newUser(overrides = {}) {
      const sub = overrides.sub ?? randomUUID();
      return { sub, token: await core.userToken({ ...overrides, sub }) };
    },
    send: (path, init) => send(new URL(path, server.url), init),
  };
}

async function send(url: URL, init: SendInit = {}): Promise<Response> {
  const { token, form, json, method = form || json ? "POST" : "GET" } = init;
  const headers = new Headers({ accept: form ? "text/html" : "*/*", ...init.headers });
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (json !== undefined) headers.set("content-type", "application/json");
  const body = form ? new URLSearchParams(form) : json === undefined ? null : JSON.stringify(json);
  return await fetch(url, { method, headers, body, redirect: "manual" });
}

/** The address of the link with that text, as a browser reads it. */
export function linkTo(text: string, html: string): string | undefined {
  const link = new RegExp(`href="([^"]*)">${text}<`).exec(html)?.[1];
  return link === undefined ? undefined : unescapeHtml(link);
}

/** Character references to the characters that mustache escapes. */
export function unescapeHtml(text: string): string {
  const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|gt|quot));/gi, (_all, dec, hex, name) =>
    name ? (named[name] ?? "") : String.fromCodePoint(dec ? Number(dec) : Number.parseInt(hex, 16)),
  );
}
