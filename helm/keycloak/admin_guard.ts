import { HttpError } from "@hivematrix/lib/http_error";
import type { Handler } from "@hivematrix/lib/router";
import { SettingsError } from "@hivematrix/lib/settings";
import type Provider from "oidc-provider";
import { AccountError } from "./account_text.ts";

/** `[admin_client]` of instance/keycloak.conf. @throws {SettingsError} for half of it */
export function readAdminClient(settings: {
  "admin_client.id"?: string;
  "admin_client.secret"?: string;
}): { id: string; secret: string } | undefined {
  const { "admin_client.id": id, "admin_client.secret": secret } = settings;
  if (id === undefined && secret === undefined) return undefined;
  if (id !== undefined && secret !== undefined) return { id, secret };
  const missing = id === undefined ? "id" : "secret";
  throw new SettingsError(
    `Cannot start keycloak: admin_client.${missing} is missing in keycloak/instance/keycloak.conf, run "helm config sync-all"`,
  );
}

/**
 * Lets Helm's own client in, with a token that it got by its secret (client credentials), and answers
 * what is refused in the words and forms of Keycloak. The tokens of people, and those of the platform's
 * client, are tokens of other kinds and open nothing here.
 *
 * @param clientId `undefined`: nobody may administer
 */
export function guardedBy(
  provider: Pick<Provider, "AccessToken" | "ClientCredentials">,
  clientId: string | undefined,
): (handler: Handler) => Handler {
  return (handler) => async (request, context) => {
    try {
      await requireAdminToken(provider, clientId, request.headers.get("authorization") ?? "");
      return await handler(request, context);
    } catch (error) {
      const refusal = error instanceof AccountError ? toRefusal(error) : error;
      // The rest is no refusal; the router has an answer for it, and a line in the log.
      if (!(refusal instanceof HttpError) || refusal.status >= 500) throw error;
      const { status, message } = refusal;
      const { method } = request;
      context.log.warn("admin request refused", { method, status, reason: message });
      const body =
        status === 400 || status === 409 ? { errorMessage: message } : { error: message };
      return Response.json(body, { status, headers: { "cache-control": "no-store" } });
    }
  };
}

async function requireAdminToken(
  { AccessToken, ClientCredentials }: Pick<Provider, "AccessToken" | "ClientCredentials">,
  clientId: string | undefined,
  authorization: string,
): Promise<void> {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new HttpError(401, "HTTP 401 Unauthorized");
  const own = await ClientCredentials.find(token);
  if (own !== undefined && own.clientId === clientId && own.isValid) return;
  const isKnown = own !== undefined || (await AccessToken.find(token)) !== undefined;
  throw isKnown
    ? new HttpError(403, "HTTP 403 Forbidden")
    : new HttpError(401, "HTTP 401 Unauthorized");
}

const statuses = { invalid: 400, unknown: 404, taken: 409 } as const;

function toRefusal({ kind, reason }: AccountError): HttpError {
  return new HttpError(statuses[kind], reason);
}
