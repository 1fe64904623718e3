// Users and groups as they are, for administrators.
import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import type { People } from "../control/people.ts";
import type { IdentityUser } from "../keycloak/admin_client.ts";
import { navigation } from "./navigation.ts";
import { type UserPagesParts, userPage } from "./user_access.ts";
import { readUsersPlace, userLink, usersLink, withQuery } from "./user_links.ts";
import { providerSessionRow, userRow } from "./user_row.ts";

const usersPerPage = 25;

/** GET /users?q=&page=: who there is, by user name. */
export function showUsers(parts: UserPagesParts): Handler<UserContext> {
  const { views, notices } = parts;
  return userPage(parts, async (_request, { url, link, caller }, people) => {
    const { search, page } = readUsersPlace(url.searchParams);
    const first = (page - 1) * usersPerPage;
    const { users, isTruncated } = await people.list({ search, first, max: usersPerPage });
    const pageLink = (other: number) => usersLink(link, { search, page: other });
    return html(
      views.render("users", {
        navigation: navigation(link, "/users"),
        notice: notices.find(caller.user.sub, url.searchParams.get("notice")),
        users_url: link("/users"),
        new_url: link("/users/new"),
        groups_url: link("/users/groups"),
        search,
        has_users: users.length > 0,
        users: users.map((user) => ({ ...userRow(user), page_url: userLink(link, user.id) })),
        paging: (page > 1 || isTruncated) && {
          page,
          previous_url: page > 1 && pageLink(page - 1),
          next_url: isTruncated && pageLink(page + 1),
        },
      }),
    );
  });
}

/** GET /users/:id: one user, and what can be done. */
export function showUser(parts: UserPagesParts): Handler<UserContext> {
  const { views, notices } = parts;
  return userPage(parts, async (_request, context, people) => {
    const { url, link, caller } = context;
    const found = await requireUser(people, context);
    const [user, groups] = await Promise.all([people.describe(found), people.groups()]);
    const { id } = user;
    const now = Date.now();
    const others = groups.filter((group) => !user.groups.includes(group));
    return html(
      views.render("user", {
        navigation: navigation(link, "/users"),
        notice: notices.find(caller.user.sub, url.searchParams.get("notice")),
        ...userRow(user),
        is_own: id === caller.user.sub,
        // Nexus's: the identity provider asks for it, and leads back here.
        own_password_url: `/login?${new URLSearchParams({ password: "new", next: userLink(link, id) })}`,
        users_url: link("/users"),
        core_sessions_url: link(withQuery("/sessions", { person: id })),
        groups_url: userLink(link, id, "groups"),
        enable_url: userLink(link, id, "enable"),
        disable_url: userLink(link, id, "disable"),
        reset_url: userLink(link, id, "reset-password"),
        sign_out_url: userLink(link, id, "sign-out"),
        delete_url: userLink(link, id, "delete"),
        has_groups: user.groups.length > 0,
        has_other_groups: others.length > 0,
        other_groups: others.map((name) => ({ name })),
        has_sessions: user.sessions.length > 0,
        sessions: user.sessions.map((session) => providerSessionRow(session, now)),
      }),
    );
  });
}

/** GET /users/:id/delete: says who it is, and asks. */
export function confirmDelete(parts: UserPagesParts): Handler<UserContext> {
  return userPage(parts, async (_request, context, people) => {
    const { link, caller } = context;
    const found = await requireUser(people, context);
    const user = await people.describe(found);
    return html(
      parts.views.render("delete_user", {
        navigation: navigation(link, "/users"),
        ...userRow(user),
        is_own: user.id === caller.user.sub,
        delete_url: userLink(link, user.id, "delete"),
        back_url: userLink(link, user.id),
      }),
    );
  });
}

/** The user of `/users/:id`. @throws {HttpError} 404 */
export async function requireUser(
  people: People,
  { params: { id = "" } }: Pick<UserContext, "params">,
): Promise<IdentityUser> {
  const user = await people.findById(id);
  if (user !== undefined) return user;
  throw new HttpError(404, `There is no user ${id.slice(0, 80)} any more, or there never was`);
}
