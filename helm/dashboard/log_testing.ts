// For tests of the pages about logs: their routes over a log store of the test's own.
import type { TestContext } from "node:test";
import type { UserContext } from "@hivematrix/lib/auth";
import { type Handler, router } from "@hivematrix/lib/router";
import { createViews } from "@hivematrix/lib/views";
import type { LogStore } from "../logs/log_store.ts";
import { LogStreams } from "../logs/log_stream.ts";
import { startTestLogs, type TestLogs } from "../logs/testing.ts";
import { makeConfig } from "../testing.ts";
import { logRoutes } from "./log_routes.ts";

export interface TestLogPages extends TestLogs {
  readonly store: LogStore;
  /** A request as an administrator behind Nexus. */
  ask(path: string): Promise<Response>;
  /** The text of a page, with slashes and such as people see them. */
  page(path: string): Promise<string>;
}

export async function startLogPages(t: TestContext): Promise<TestLogPages> {
  const logs = await startTestLogs(t);
  const store = logs.startStore();
  const streams = new LogStreams(logs.logDir);
  t.after(() => streams.close());
  const platform = { config: makeConfig(), checkout: { logDir: logs.logDir } };
  const views = createViews(`${import.meta.dirname}/views`);
  const user = { sub: "root", preferred_username: "root", exp: Date.now() / 1000 + 60 };
  // Who gets in is the dashboard's to judge (dashboard.test.ts).
  const admin =
    (handler: Handler<UserContext>): Handler =>
    (request, context) =>
      handler(request, { ...context, caller: { kind: "user", user, token: "" } } as UserContext);
  const routes = logRoutes({ platform, views, logs: store, streams }, admin);
  const handle = router(routes, { service: "helm", log: logs.log });
  const ask = (path: string) =>
    handle(new Request(`http://helm${path}`, { headers: { "x-forwarded-prefix": "/helm" } }));
  return {
    ...logs,
    store,
    ask,
    async page(path) {
      const text = await (await ask(path)).text();
      return text.replaceAll("&#x2F;", "/").replaceAll("&#x3D;", "=").replaceAll("&amp;", "&");
    },
  };
}
