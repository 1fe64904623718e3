// What the form for a new user may hold. The identity provider has the last word; here stands what
// can be said beside the field, before anything is asked of it.
import type { NewUser } from "../keycloak/admin_client.ts";
import type { IdentityError } from "../keycloak/identity_error.ts";

export interface NewUserFields {
  readonly username: string;
  readonly email: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly groups: readonly string[];
  readonly is_temporary: boolean;
}

/** What is wrong, by field; `form` is for what belongs to none. */
export type FieldProblems = Partial<
  Record<"username" | "email" | "first_name" | "last_name" | "form", string>
>;

export const emptyNewUser: NewUserFields = {
  username: "",
  email: "",
  first_name: "",
  last_name: "",
  groups: [],
  is_temporary: true,
};

export function readNewUserForm(form: URLSearchParams): NewUserFields {
  const text = (name: string) => (form.get(name) ?? "").trim();
  return {
    username: text("username"),
    email: text("email"),
    first_name: text("first_name"),
    last_name: text("last_name"),
    groups: form.getAll("group"),
    is_temporary: form.has("temporary"),
  };
}

/** @returns none when the provider may be asked */
export function findFieldProblems(fields: NewUserFields): FieldProblems {
  const { username, email, first_name, last_name } = fields;
  const problems: FieldProblems = {};
  if (username === "") problems.username = "Enter a user name, such as ada.lovelace.";
  else if (/[\s\p{C}]/u.test(username)) problems.username = "A user name has no blanks in it.";
  else if (username.length > 100) problems.username = "A user name has at most 100 characters.";
  if (email !== "" && !/^[^\s\p{C}@]{1,64}@[^\s\p{C}@]{1,190}$/u.test(email)) {
    problems.email = "Enter an e-mail address, such as ada@example.org, or leave it empty.";
  }
  if (isNoName(first_name)) problems.first_name = noName;
  if (isNoName(last_name)) problems.last_name = noName;
  return problems;
}

const noName = "A name has at most 100 characters, all of them visible.";

function isNoName(name: string): boolean {
  return name.length > 100 || /\p{Cc}/u.test(name);
}

/** Beside which field the identity provider's refusal belongs. */
export function placeRefusal({ reason }: IdentityError): FieldProblems {
  const fields = [
    ["email", /e-?mail/i],
    ["username", /user ?name/i],
    ["first_name", /first ?name/i],
    ["last_name", /last ?name/i],
  ] as const;
  const found = fields.find(([, pattern]) => pattern.test(reason))?.[0] ?? "form";
  return { [found]: `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.` };
}

export function toNewUser(fields: NewUserFields, password: string): NewUser {
  const { username, email, first_name, last_name, groups, is_temporary } = fields;
  return {
    username,
    ...(email !== "" && { email }),
    ...(first_name !== "" && { firstName: first_name }),
    ...(last_name !== "" && { lastName: last_name }),
    groups,
    password,
    isTemporary: is_temporary,
  };
}
