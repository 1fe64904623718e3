// The forms of a user's page. Each leads back to the page, which says what has come of it.
import type { UserContext } from "@hivematrix/lib/auth";
import { readForm } from "@hivematrix/lib/request_body";
import { redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { countOf } from "../control/count_of.ts";
import type { Notice } from "./notices.ts";
import { type UserPagesParts, userPage } from "./user_access.ts";
import {
  carryOut,
  changeGroups,
  deleteUser,
  disableUser,
  enableUser,
  resetPassword,
  signOutUser,
  type UserChange,
  type UserChanged,
} from "./user_changes.ts";
import { userLink, withQuery } from "./user_links.ts";
import { requireUser } from "./user_pages.ts";
import { isRefusal } from "./user_trouble.ts";

/** POST /users/:id/enable */
export const enableFromPage = (parts: UserPagesParts) =>
  changeFrom(parts, "enable", () => enableUser);

/** POST /users/:id/disable */
export const disableFromPage = (parts: UserPagesParts) =>
  changeFrom(parts, "disable", () => disableUser);

/** POST /users/:id/sign-out */
export const signOutFromPage = (parts: UserPagesParts) =>
  changeFrom(parts, "sign out", () => signOutUser);

/** POST /users/:id/reset-password with `temporary`, or without */
export const resetFromPage = (parts: UserPagesParts) =>
  changeFrom(parts, "reset the password of", (form) => resetPassword(form.has("temporary")));

/** POST /users/:id/groups with `add` or `remove` */
export const changeGroupsFromPage = (parts: UserPagesParts) =>
  changeFrom(parts, "change the groups of", (form) =>
    changeGroups({ add: namesOf(form, "add"), remove: namesOf(form, "remove") }),
  );

/** POST /users/:id/delete, after the page that asks */
export const deleteFromPage = (parts: UserPagesParts) =>
  changeFrom(parts, "delete", () => deleteUser);

function namesOf(form: URLSearchParams, field: string): string[] {
  return form.getAll(field).filter((name) => name !== "");
}

function changeFrom(
  { notices, ...parts }: UserPagesParts,
  action: string,
  read: (form: URLSearchParams) => UserChange,
): Handler<UserContext> {
  return userPage({ ...parts, notices }, async (request, context, people) => {
    const { link, caller } = context;
    const change = read(await readForm(request));
    const user = await requireUser(people, context);
    const keep = (notice: Notice) => notices.keep(caller.user.sub, notice);
    try {
      const changed = await carryOut(change, action, { people, user, context });
      const notice = keep(describeChange(changed));
      if (action === "delete") return redirect(link(withQuery("/users", { notice })));
      return redirect(userLink(link, user.id, undefined, notice));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const notice = keep({ kind: "error", text: `${error.message}.` });
      return redirect(userLink(link, user.id, undefined, notice));
    }
  });
}

function describeChange({ text, ended, problem, password }: UserChanged): Notice {
  const sessions = ended === 0 ? "" : ` Ended ${countOf(ended, "session")}.`;
  return {
    kind: problem === undefined ? "success" : "warning",
    text: `${text}${sessions}${problem === undefined ? "" : ` ${problem}.`}`,
    ...(password !== undefined && { password }),
  };
}
