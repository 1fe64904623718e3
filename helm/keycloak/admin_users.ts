// Users under the paths of Keycloak's Admin REST API, answered from the embedded provider's tables.
import { HttpError } from "@hivematrix/lib/http_error";
import { readJson, readJsonFields } from "@hivematrix/lib/request_body";
import type { Context, Handler, Route } from "@hivematrix/lib/router";
import type { AccountFilter } from "./account_search.ts";
import { readFlag, readPaging } from "./admin_query.ts";
import type { Account, EmbeddedAccounts } from "./embedded_accounts.ts";
import {
  readAccountChanges,
  readCredential,
  readNewAccount,
  toUserRepresentation,
} from "./user_representation.ts";

/** @param base path of the realm in the Admin REST API */
export function adminUserRoutes(
  base: string,
  accounts: EmbeddedAccounts,
  guarded: (handler: Handler) => Handler,
): Route[] {
  const list: Handler = async (_request, { url: { searchParams } }) => {
    const users = await accounts.search(readFilter(searchParams), readPaging(searchParams));
    return Response.json(users.map(toUserRepresentation));
  };
  const count: Handler = async (_request, { url: { searchParams } }) =>
    Response.json(await accounts.count(readFilter(searchParams)));
  const show: Handler = async (_request, context) =>
    Response.json(toUserRepresentation(await requireUser(accounts, context)));
  const create: Handler = async (request, { log }) => {
    const { id, username, groups } = await accounts.create(
      readNewAccount(await readJsonFields(request, [])),
    );
    log.info("user created", { user_id: id, username, groups });
    const location = `${new URL(request.url).origin}${base}/users/${id}`;
    return new Response(null, { status: 201, headers: { location } });
  };
  const update: Handler = async (request, context) => {
    const { id } = await requireUser(accounts, context);
    const changes = readAccountChanges(await readJsonFields(request, []));
    await accounts.update(id, changes);
    // Which fields, not what is in them: the log is no address book.
    const { isEnabled } = changes;
    const fields = Object.entries(changes).flatMap(([name, to]) => (to === undefined ? [] : name));
    context.log.info("user changed", { user_id: id, fields, is_enabled: isEnabled });
    return noContent();
  };
  const remove: Handler = async (_request, context) => {
    const { id, username } = await requireUser(accounts, context);
    await accounts.remove(id);
    context.log.info("user deleted", { user_id: id, username });
    return noContent();
  };
  const resetPassword: Handler = async (request, context) => {
    const { id } = await requireUser(accounts, context);
    const { password, isTemporary } = readCredential(await readJson(request));
    await accounts.setPassword(id, password, { mustChangePassword: isTemporary });
    context.log.info("password replaced", { user_id: id, is_temporary: isTemporary });
    return noContent();
  };

  return [
    { method: "GET", path: `${base}/users`, handler: guarded(list) },
    { method: "POST", path: `${base}/users`, handler: guarded(create) },
    { method: "GET", path: `${base}/users/count`, handler: guarded(count) },
    { method: "GET", path: `${base}/users/:id`, handler: guarded(show) },
    { method: "PUT", path: `${base}/users/:id`, handler: guarded(update) },
    { method: "DELETE", path: `${base}/users/:id`, handler: guarded(remove) },
    { method: "PUT", path: `${base}/users/:id/reset-password`, handler: guarded(resetPassword) },
  ];
}

/** The user whom the path names. @throws {HttpError} 404 */
export async function requireUser(
  accounts: EmbeddedAccounts,
  { params }: Pick<Context, "params">,
): Promise<Account> {
  const account = await accounts.find(params["id"] ?? "");
  if (account === undefined) throw new HttpError(404, "User not found");
  return account;
}

export function noContent(): Response {
  return new Response(null, { status: 204 });
}

function readFilter(query: URLSearchParams): AccountFilter {
  const read = (name: string) => query.get(name) ?? undefined;
  return {
    search: read("search"),
    username: read("username"),
    email: read("email"),
    firstName: read("firstName"),
    lastName: read("lastName"),
    isExact: readFlag(query, "exact") ?? false,
    isEnabled: readFlag(query, "enabled"),
  };
}
