// The JSON twins of the pages about users and groups.
import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readJson, readJsonFields } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import { newPassword } from "../control/new_password.ts";
import { userAsJson, userDetailsAsJson } from "../control/user_json.ts";
import { findGroupProblem } from "./group_pages.ts";
import { findFieldProblems, type NewUserFields, toNewUser } from "./new_user.ts";
import { type UserPagesParts, userEndpoint } from "./user_access.ts";
import {
  carryOut,
  changeGroups,
  deleteUser,
  disableUser,
  enableUser,
  resetPassword,
  signOutUser,
  type UserChange,
} from "./user_changes.ts";
import { readUsersPlace } from "./user_links.ts";
import { noteUserChange } from "./user_log.ts";
import { requireUser } from "./user_pages.ts";

const noStore = { "cache-control": "no-store" };
const usersPerPage = 100;

/** GET /api/users?q=&page=: by user name, 100 at once; `truncated` when there are more. */
export function listThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return userEndpoint(parts, async (_request, { url }, people) => {
    const { search, page } = readUsersPlace(url.searchParams);
    const first = (page - 1) * usersPerPage;
    const { users, isTruncated } = await people.list({ search, first, max: usersPerPage });
    return answer({ users: users.map(userAsJson), truncated: isTruncated });
  });
}

/** GET /api/users/:id */
export function showThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return userEndpoint(parts, async (_request, context, people) =>
    answer(userDetailsAsJson(await people.describe(await requireUser(people, context)))),
  );
}

/** POST /api/users: 201 with the user, and the password when none was given. */
export function createThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return userEndpoint(parts, async (request, context, people) => {
    const body = await readJsonFields(request, ["username"]);
    const fields = readFields(body);
    const [[field, problem] = []] = Object.entries(findFieldProblems(fields));
    if (problem !== undefined)
      throw new HttpError(422, `Cannot create a user: ${field}: ${problem}`);
    const given = readPassword(body);
    const password = given ?? newPassword();
    const user = await people.create(toNewUser(fields, password));
    noteUserChange(context, "create", user);
    const made = given === undefined ? { password } : {};
    return answer({ ...userAsJson({ ...user, groups: fields.groups }), ...made }, 201);
  });
}

/** PATCH /api/users/:id {enabled} */
export function enableThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return changeThroughApi(parts, "enable or disable", async (request) => {
    const { enabled } = toObject(await readJson(request));
    if (typeof enabled === "boolean") return enabled ? enableUser : disableUser;
    throw new HttpError(400, 'Cannot change the user: "enabled" must be true or false');
  });
}

/** DELETE /api/users/:id */
export function deleteThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return changeThroughApi(parts, "delete", async () => deleteUser);
}

/** POST /api/users/:id/reset-password {password?, temporary?}: the password when none was given */
export function resetThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return changeThroughApi(parts, "reset the password of", async (request) => {
    const body = toObject(await readJson(request));
    return resetPassword(body["temporary"] !== false, readPassword(body));
  });
}

/** POST /api/users/:id/sign-out */
export function signOutThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return changeThroughApi(parts, "sign out", async () => signOutUser);
}

/** PUT and DELETE /api/users/:id/groups/:group */
export function changeGroupThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return changeThroughApi(parts, "change the groups of", async ({ method }, { params }) => {
    const groups = [params["group"] ?? ""];
    return changeGroups(
      method === "PUT" ? { add: groups, remove: [] } : { add: [], remove: groups },
    );
  });
}

/** GET /api/groups */
export function listGroupsThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return userEndpoint(parts, async (_request, _context, people) =>
    answer({ groups: await people.groups() }),
  );
}

/** POST /api/groups {name} */
export function createGroupThroughApi(parts: UserPagesParts): Handler<UserContext> {
  return userEndpoint(parts, async (request, { log, caller }, people) => {
    const { name } = await readJsonFields(request, ["name"]);
    const problem = findGroupProblem(name.trim());
    if (problem !== undefined) throw new HttpError(422, `Cannot create the group: ${problem}`);
    await people.createGroup(name.trim());
    log.info("group created", { group: name.trim(), by: caller.user.preferred_username });
    return answer({ name: name.trim() }, 201);
  });
}

/** `problem` says why sessions may live on although the change is made. */
function changeThroughApi(
  parts: UserPagesParts,
  action: string,
  read: (request: Request, context: UserContext) => Promise<UserChange>,
): Handler<UserContext> {
  return userEndpoint(parts, async (request, context, people) => {
    const change = await read(request, context);
    const user = await requireUser(people, context);
    const changed = await carryOut(change, action, { people, user, context });
    const { ended, password, problem } = changed;
    return answer({
      sessions_ended: ended,
      ...(password !== undefined && { password }),
      ...(problem !== undefined && { problem }),
    });
  });
}

function answer(body: object, status = 200): Response {
  return Response.json(body, { status, headers: noStore });
}

/** @throws {HttpError} 400 for a member of the wrong type */
function readFields(body: Record<string, unknown>): NewUserFields {
  const text = (name: string) => {
    const value = body[name] ?? "";
    if (typeof value === "string") return value.trim();
    throw new HttpError(400, `Cannot read the body: "${name}" must be a string`);
  };
  const groups = body["groups"] ?? [];
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === "string")) {
    throw new HttpError(400, 'Cannot read the body: "groups" must be an array of names');
  }
  return {
    username: text("username"),
    email: text("email"),
    first_name: text("first_name"),
    last_name: text("last_name"),
    groups,
    is_temporary: body["temporary"] !== false,
  };
}

/** @throws {HttpError} 400 for one that is there and is none */
function readPassword({ password }: Record<string, unknown>): string | undefined {
  if (password === undefined || (typeof password === "string" && password !== "")) return password;
  throw new HttpError(400, 'Cannot read the body: "password" must be a non-empty string');
}

function toObject(body: unknown): Record<string, unknown> {
  return typeof body === "object" && body !== null ? { ...body } : {};
}
