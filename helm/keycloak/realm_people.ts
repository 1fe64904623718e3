import { splitName } from "./account_text.ts";
import type { AdminRequests } from "./admin_requests.ts";
import type { FirstUser } from "./first_start.ts";
import type { Fields } from "./realm_diff.ts";
import { platformGroups } from "./realm_wish.ts";

/** The groups that give permission levels; others may be beside and below them. */
export async function setUpGroups(admin: AdminRequests): Promise<string[]> {
  const { body } = await admin.ask("list the groups", "GET", "/groups?max=10000");
  const has = (body as Fields[]).map((group) => group["name"]);
  const missing = platformGroups.filter((name) => !has.includes(name));
  for (const name of missing) {
    await admin.ask(`create group "${name}"`, "POST", "/groups", { name });
  }
  return missing.map((name) => `group "${name}" is new`);
}

/**
 * The first user, if there is no user at all: a password that was changed since is never set back.
 * Nobody is asked to choose another one: where it is not of the person's own choice, it was generated.
 */
export async function setUpFirstUser(
  admin: AdminRequests,
  firstUser: FirstUser | undefined,
): Promise<string[]> {
  if (firstUser === undefined) return [];
  const { body } = await admin.ask("look for users", "GET", "/users?max=1");
  if ((body as Fields[]).length > 0) return [];
  const { username, password, email, name } = firstUser;
  await admin.ask(`create the first user "${username}"`, "POST", "/users", {
    username,
    enabled: true,
    ...(email !== undefined && { email, emailVerified: true }),
    ...splitName(name ?? username),
    groups: ["/admins"],
    credentials: [{ type: "password", value: password, temporary: false }],
  });
  return [`user "${username}" is new, in the group admins`];
}
