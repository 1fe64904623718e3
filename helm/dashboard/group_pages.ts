import type { UserContext } from "@hivematrix/lib/auth";
import { readForm } from "@hivematrix/lib/request_body";
import { html, redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { mapFewAtOnce } from "../control/few_at_once.ts";
import type { People } from "../control/people.ts";
import { navigation } from "./navigation.ts";
import { type UserPagesParts, userPage } from "./user_access.ts";
import { userLink, withQuery } from "./user_links.ts";
import { isRefusal } from "./user_trouble.ts";

/** What the platform makes of a group (contract §3). */
const meanings: Readonly<Record<string, string>> = {
  admins: "administrators: every page, this one included",
  technicians: "permission level technician",
  billing: "permission level billing",
};

/** Of each group this many are named. */
const namedMembers = 12;

/** GET /users/groups: every group with who is in it, and a form for another. */
export function showGroups(parts: UserPagesParts): Handler<UserContext> {
  return userPage(parts, (_request, context, people) => renderGroups(parts, context, people));
}

/** POST /users/groups with `name` */
export function createGroupFromPage(parts: UserPagesParts): Handler<UserContext> {
  return userPage(parts, async (request, context, people) => {
    const { link, caller, log } = context;
    const name = ((await readForm(request)).get("name") ?? "").trim();
    const problem = findGroupProblem(name);
    if (problem !== undefined) {
      return await renderGroups(parts, context, people, { name, problem });
    }
    try {
      await people.createGroup(name);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const typed = { name, problem: `${error.message}.` };
      return await renderGroups(parts, context, people, typed);
    }
    log.info("group created", { group: name, by: caller.user.preferred_username });
    const text = `Created the group “${name}”.`;
    const notice = parts.notices.keep(caller.user.sub, { kind: "success", text });
    return redirect(link(withQuery("/users/groups", { notice })));
  });
}

/** @returns `undefined` when the provider may be asked */
export function findGroupProblem(name: string): string | undefined {
  if (name === "") return "Enter a name, such as sales.";
  const isFine = name.length <= 100 && !/\p{Cc}/u.test(name);
  return isFine ? undefined : "A group's name has at most 100 characters, all of them visible.";
}

async function renderGroups(
  { views, notices }: UserPagesParts,
  { link, url, caller }: UserContext,
  people: People,
  typed: { name: string; problem?: string } = { name: "" },
): Promise<Response> {
  const groups = await mapFewAtOnce(await people.groups(), async (name) => ({
    name,
    members: await people.membersOf(name, { max: namedMembers + 1 }),
  }));
  const page = {
    navigation: navigation(link, "/users"),
    notice: notices.find(caller.user.sub, url.searchParams.get("notice")),
    users_url: link("/users"),
    create_url: link("/users/groups"),
    typed,
    groups: groups.map(({ name, members }) => ({
      name,
      meaning: meanings[name],
      has_members: members.length > 0,
      members: members
        .slice(0, namedMembers)
        .map(({ id, username }) => ({ username, page_url: userLink(link, id) })),
      has_more: members.length > namedMembers,
    })),
  };
  return html(views.render("groups", page), { status: typed.problem === undefined ? 200 : 422 });
}
