// A new user, by a form that keeps what was typed when it cannot be.
import type { UserContext } from "@hivematrix/lib/auth";
import { readForm } from "@hivematrix/lib/request_body";
import { html, redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { newPassword } from "../control/new_password.ts";
import type { People } from "../control/people.ts";
import { IdentityError } from "../keycloak/identity_error.ts";
import { navigation } from "./navigation.ts";
import {
  emptyNewUser,
  type FieldProblems,
  findFieldProblems,
  type NewUserFields,
  placeRefusal,
  readNewUserForm,
  toNewUser,
} from "./new_user.ts";
import { type UserPagesParts, userPage } from "./user_access.ts";
import { userLink } from "./user_links.ts";
import { noteUserChange } from "./user_log.ts";
import { isRefusal } from "./user_trouble.ts";

/** GET /users/new */
export function showNewUser(parts: UserPagesParts): Handler<UserContext> {
  return userPage(parts, (_request, context, people) =>
    renderForm(parts, context, people, emptyNewUser),
  );
}

/** POST /users: makes the user with a generated password, which the next page shows once. */
export function createFromPage(parts: UserPagesParts): Handler<UserContext> {
  return userPage(parts, async (request, context, people) => {
    const fields = readNewUserForm(await readForm(request));
    const problems = findFieldProblems(fields);
    if (Object.keys(problems).length > 0) {
      return await renderForm(parts, context, people, fields, problems);
    }
    const password = newPassword();
    try {
      const user = await people.create(toNewUser(fields, password));
      noteUserChange(context, "create", user);
      const text = `Created “${user.username}”.`;
      const name = parts.notices.keep(context.caller.user.sub, { kind: "success", text, password });
      return redirect(userLink(context.link, user.id, undefined, name));
    } catch (error) {
      if (!(error instanceof IdentityError && isRefusal(error))) throw error;
      return await renderForm(parts, context, people, fields, placeRefusal(error));
    }
  });
}

async function renderForm(
  { views }: UserPagesParts,
  { link }: UserContext,
  people: People,
  fields: NewUserFields,
  problems: FieldProblems = {},
): Promise<Response> {
  const groups = (await people.groups()).map((name) => ({
    name,
    is_checked: fields.groups.includes(name),
  }));
  const isRefused = Object.keys(problems).length > 0;
  const page = {
    navigation: navigation(link, "/users"),
    create_url: link("/users"),
    users_url: link("/users"),
    fields: formFields(fields, problems),
    form_problem: problems.form,
    is_refused: isRefused,
    has_groups: groups.length > 0,
    groups,
    is_temporary: fields.is_temporary,
  };
  return html(views.render("new_user", page), { status: isRefused ? 422 : 200 });
}

function formFields(fields: NewUserFields, problems: FieldProblems): object[] {
  const all = [
    { name: "username", label: "User name", type: "text", is_required: true },
    { name: "email", label: "E-mail address", type: "email" },
    { name: "first_name", label: "First name", type: "text" },
    { name: "last_name", label: "Last name", type: "text" },
  ] as const;
  const wrong = all.find(({ name }) => problems[name] !== undefined)?.name;
  return all.map((field) => ({
    is_required: false,
    ...field,
    value: fields[field.name],
    problem: problems[field.name],
    // Whoever reads the page anew begins where something has to be mended.
    is_first: field.name === (wrong ?? "username"),
  }));
}
