import { healthRoute } from "@hivematrix/lib/health";
import type { Route } from "@hivematrix/lib/router";
import { endSessionsByProvider } from "./backchannel_logout.ts";
import type { Core } from "./core.ts";
import { showJwks } from "./jwks.ts";
import { rotateKeys } from "./key_rotation.ts";
import { feedPath, requireUpgrade } from "./revocation_feed_upgrade.ts";
import { giveServiceToken } from "./service_token.ts";
import { endAllSessions, endSession, listSessions } from "./session_endpoints.ts";
import { exchangeToken } from "./token_exchange.ts";
import { revokeToken } from "./token_revoke.ts";
import { validateToken } from "./token_validate.ts";

/** Contract §3 and §4, design §3. What a caller has to prove, each handler says. */
export function coreRoutes(core: Core): Route[] {
  return [
    { method: "POST", path: "/api/token/exchange", handler: exchangeToken(core) },
    { method: "POST", path: "/api/token/validate", handler: validateToken(core) },
    { method: "POST", path: "/api/token/revoke", handler: revokeToken(core) },
    {
      method: "POST",
      path: "/api/backchannel-logout",
      handler: endSessionsByProvider(core),
    },
    { method: "POST", path: "/api/keys/rotate", handler: rotateKeys(core) },
    { method: "GET", path: "/api/sessions", handler: listSessions(core) },
    { method: "DELETE", path: "/api/sessions", handler: endAllSessions(core) },
    { method: "DELETE", path: "/api/sessions/:id", handler: endSession(core) },
    { method: "POST", path: "/service-token", handler: giveServiceToken(core) },
    { method: "GET", path: feedPath, handler: requireUpgrade() },
    { method: "GET", path: "/.well-known/jwks.json", handler: showJwks(core) },
    healthRoute("core", { sessions: () => core.sessions.ping() }),
  ];
}
