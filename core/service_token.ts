import { HttpError } from "@hivematrix/lib/http_error";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";
import { unauthenticated } from "./service_credentials.ts";

/**
 * POST /service-token: a short-lived token with which one service calls another (contract §4). The
 * caller proves by HTTP Basic that it is `calling_service`.
 *
 * @throws {HttpError} 400 malformed, 401 without the right credential, 403 for somebody else's name
 *   or an unregistered target
 */
export function giveServiceToken(core: Pick<Core, "credentials" | "registry" | "tokens">): Handler {
  const { credentials, registry, tokens } = core;
  return async (request, { log }) => {
    const authenticated = credentials.authenticate(request.headers.get("authorization"));
    const body = await readJsonFields(request, ["calling_service", "target_service"]);
    const { calling_service: calling, target_service: target } = body;
    if (authenticated === undefined && !credentials.isLegacy(calling)) {
      throw unauthenticated("the calling service must prove itself with HTTP Basic");
    }
    if (authenticated !== undefined && authenticated !== calling) {
      log.warn("a service asked for another's token", { authenticated, calling, target });
      throw new HttpError(
        403,
        `Cannot give a service token: "${authenticated}" may not call as "${calling}"`,
      );
    }
    if (registry.find(target) === undefined) {
      throw new HttpError(
        403,
        `Cannot give a service token: target_service "${target}" is not registered in services.json`,
      );
    }
    const token = await tokens.mintServiceToken(calling, target);
    log.info("gave a service token", { calling, target });
    return Response.json({ token }, { headers: { "cache-control": "no-store" } });
  };
}
