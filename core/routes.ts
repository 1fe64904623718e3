import { healthRoute } from "@hivematrix/lib/health";
import type { Route } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";
import { showJwks } from "./jwks.ts";
import { feedPath, requireUpgrade } from "./revocation_feed_upgrade.ts";
import { giveServiceToken } from "./service_token.ts";
import { exchangeToken } from "./token_exchange.ts";
import { revokeToken } from "./token_revoke.ts";
import { validateToken } from "./token_validate.ts";

/** Contract §3 and §4. What a caller has to prove is in the body, or in service_token.ts. */
export function coreRoutes(core: Core): Route[] {
  return [
    { method: "POST", path: "/api/token/exchange", handler: exchangeToken(core) },
    { method: "POST", path: "/api/token/validate", handler: validateToken(core) },
    { method: "POST", path: "/api/token/revoke", handler: revokeToken(core) },
    { method: "POST", path: "/service-token", handler: giveServiceToken(core) },
    { method: "GET", path: feedPath, handler: requireUpgrade() },
    { method: "GET", path: "/.well-known/jwks.json", handler: showJwks(core) },
    healthRoute("core", { sessions: () => core.sessions.ping() }),
  ];
}
