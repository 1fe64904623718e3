import type { IncomingMessage, ServerResponse } from "node:http";
import type { Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import { router } from "@hivematrix/lib/router";
import { requestListener } from "@hivematrix/lib/serve";
import type Provider from "oidc-provider";
import { adminGroupRoutes } from "./admin_groups.ts";
import { guardedBy } from "./admin_guard.ts";
import { adminSessionRoutes } from "./admin_sessions.ts";
import { adminUserRoutes } from "./admin_users.ts";
import type { EmbeddedAccounts } from "./embedded_accounts.ts";

export interface AdminApiParts {
  readonly provider: Provider;
  /** Who may administer. Default: nobody. */
  readonly clientId: string | undefined;
  readonly sql: Sql;
  readonly accounts: EmbeddedAccounts;
  readonly onLogout: () => void;
  readonly log: Log;
}

/**
 * The part of Keycloak's Admin REST API that Helm uses, under its paths: `/admin/realms/<realm>/…`.
 * Nexus leads nobody there.
 *
 * @param realmPath `/realms/<realm>`
 */
export function answerAdminApi(
  realmPath: string,
  parts: AdminApiParts,
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const { provider, clientId, accounts } = parts;
  const base = `/admin${realmPath}`;
  const guarded = guardedBy(provider, clientId);
  const log = parts.log.child({ by: clientId });
  const routes = [
    ...adminUserRoutes(base, accounts, guarded),
    ...adminGroupRoutes(base, parts, guarded),
    ...adminSessionRoutes(base, parts, guarded),
  ];
  return requestListener(router(routes, { service: "keycloak", log }), log);
}
