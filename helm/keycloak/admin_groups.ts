// Groups and memberships under the paths of Keycloak's Admin REST API. Here no group is below another.
import type { Sql } from "@hivematrix/lib/database";
import { HttpError } from "@hivematrix/lib/http_error";
import { readJsonFields } from "@hivematrix/lib/request_body";
import type { Context, Handler, Route } from "@hivematrix/lib/router";
import { readPaging } from "./admin_query.ts";
import { noContent, requireUser } from "./admin_users.ts";
import type { EmbeddedAccounts } from "./embedded_accounts.ts";
import { createGroup, findGroup, type Group, listGroups } from "./embedded_groups.ts";
import { toUserRepresentation } from "./user_representation.ts";

/** @param base path of the realm in the Admin REST API */
export function adminGroupRoutes(
  base: string,
  { sql, accounts }: { sql: Sql; accounts: EmbeddedAccounts },
  guarded: (handler: Handler) => Handler,
): Route[] {
  const list: Handler = async (_request, { url: { searchParams } }) => {
    const wanted = (searchParams.get("search") ?? "").toLowerCase();
    const groups = await listGroups(sql);
    const found = groups.filter(({ name }) => name.toLowerCase().includes(wanted));
    const { first, max } = readPaging(searchParams);
    // Without the parameter, all of them: as Keycloak does here, unlike with users.
    const end = searchParams.has("max") ? first + max : undefined;
    return Response.json(found.slice(first, end).map(toGroupRepresentation));
  };
  const create: Handler = async (request, { log }) => {
    const { name } = await readJsonFields(request, []);
    if (typeof name !== "string") throw new HttpError(400, "Group name is missing");
    const group = await createGroup(sql, name);
    log.info("group created", { group: group.name });
    const location = `${new URL(request.url).origin}${base}/groups/${group.id}`;
    return Response.json(toGroupRepresentation(group), { status: 201, headers: { location } });
  };
  const show: Handler = async (_request, { params }) =>
    Response.json(toGroupRepresentation(await requireGroup(sql, params["id"])));
  const members: Handler = async (_request, { params, url }) => {
    const { id } = await requireGroup(sql, params["id"]);
    const users = await accounts.search({ groupId: id }, readPaging(url.searchParams));
    return Response.json(users.map(toUserRepresentation));
  };
  const listOfUser: Handler = async (_request, context) => {
    const { id } = await requireUser(accounts, context);
    return Response.json((await listGroups(sql, id)).map(toGroupRepresentation));
  };
  const change =
    (what: "addToGroup" | "removeFromGroup"): Handler =>
    async (_request, context: Context) => {
      const { id } = await requireUser(accounts, context);
      const { name } = await requireGroup(sql, context.params["group"]);
      await accounts[what](id, name);
      const done = what === "addToGroup" ? "user added to group" : "user taken out of group";
      context.log.info(done, { user_id: id, group: name });
      return noContent();
    };

  const membership = `${base}/users/:id/groups/:group`;
  return [
    { method: "GET", path: `${base}/groups`, handler: guarded(list) },
    { method: "POST", path: `${base}/groups`, handler: guarded(create) },
    { method: "GET", path: `${base}/groups/:id`, handler: guarded(show) },
    { method: "GET", path: `${base}/groups/:id/members`, handler: guarded(members) },
    { method: "GET", path: `${base}/users/:id/groups`, handler: guarded(listOfUser) },
    { method: "PUT", path: membership, handler: guarded(change("addToGroup")) },
    { method: "DELETE", path: membership, handler: guarded(change("removeFromGroup")) },
  ];
}

function toGroupRepresentation({ id, name }: Group): Record<string, unknown> {
  const path = `/${name.replaceAll("/", "~/")}`;
  return { id, name, path, subGroupCount: 0, subGroups: [] };
}

async function requireGroup(sql: Sql, id = ""): Promise<Group> {
  const group = await findGroup(sql, id);
  if (group === undefined) throw new HttpError(404, "Group not found");
  return group;
}
