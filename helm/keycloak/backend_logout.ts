import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import type { Middleware, ParameterizedContext } from "koa";
import type Provider from "oidc-provider";
import { readFormBody } from "./form_body.ts";
import { endSession } from "./session_ending.ts";

/**
 * POST to the logout endpoint. With a refresh token it is Keycloak's logout from the back end: the
 * client proves who it is, the session behind the token ends, 204, and no token ever passes through
 * the browser. Without one it is RP-initiated logout by form, which goes on as the same thing by GET.
 */
export function answerBackendLogout(
  provider: Provider,
  { sql, onLogout, log }: { sql: Sql; onLogout: () => void; log: Log },
): Middleware {
  return async (context, next) => {
    if (context.method !== "POST" || context.path !== "/protocol/openid-connect/logout") {
      return await next();
    }
    const form = await readFormBody(context);
    const refreshToken = form.get("refresh_token");
    if (refreshToken === null) {
      // oidc-provider takes a POST only with SameSite=None cookies; inside, this is no redirect.
      context.method = "GET";
      context.querystring = form.toString();
      return await next();
    }
    const clientId = await authenticateClient(provider, context, form);
    if (clientId === undefined) {
      log.warn("logout refused", { error: "invalid_client" });
      context.status = 401;
      context.set("WWW-Authenticate", `Basic realm="${provider.issuer}"`);
      context.body = {
        error: "invalid_client",
        error_description: "Invalid client or client credentials",
      };
      return;
    }
    const token = await provider.RefreshToken.find(refreshToken);
    if (token?.clientId !== clientId || token.sessionUid === undefined) {
      log.warn("logout refused", { error: "invalid_grant" });
      context.status = 400;
      context.body = { error: "invalid_grant", error_description: "Invalid refresh token" };
      return;
    }
    await endSession(sql, token.sessionUid);
    log.info("signed out", { user_id: token.accountId });
    // Not waited for: Core may be the one that asks, and has its own answer to give.
    onLogout();
    context.status = 204;
  };
}

/** The id of the client whose secret the request carries, in its form or by HTTP Basic. */
async function authenticateClient(
  provider: Provider,
  context: ParameterizedContext,
  form: URLSearchParams,
): Promise<string | undefined> {
  const { id, secret } = readBasic(context.get("Authorization")) ?? {
    id: form.get("client_id") ?? "",
    secret: form.get("client_secret") ?? "",
  };
  const client = await provider.Client.find(id);
  return (await client?.compareClientSecret(secret)) === true ? client?.clientId : undefined;
}

/** Both parts are form-encoded before they are joined (RFC 6749 §2.3.1). */
function readBasic(header: string): { id: string; secret: string } | undefined {
  const encoded = /^Basic ([\w+/]+=*)$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const [id = "", secret = ""] = Buffer.from(encoded, "base64").toString("utf8").split(":", 2);
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll("+", " "));
    return { id: decode(id), secret: decode(secret) };
  } catch {
    throw new HttpError(400, "The Authorization header is not encoded as it should be");
  }
}
