// What an administrator can do to a user, for the pages and the JSON API.
import type { UserContext } from "@hivematrix/lib/auth";
import type { SessionsEnd } from "../control/end_everywhere.ts";
import { newPassword } from "../control/new_password.ts";
import type { GroupChange, People } from "../control/people.ts";
import { PeopleError } from "../control/people_error.ts";
import type { IdentityUser } from "../keycloak/admin_client.ts";
import { noteUserChange } from "./user_log.ts";

/** What came of it. */
export interface UserChanged extends SessionsEnd {
  /** In a sentence. */
  readonly text: string;
  /** One that was made; shown once. */
  readonly password?: string;
}

export type UserChange = (people: People, user: IdentityUser) => Promise<UserChanged>;

/** What leaves nobody to open the dashboard is for the command line. */
const notForced = { isForced: false };

export const enableUser: UserChange = async (people, user) => {
  await people.enable(user);
  return { text: `Enabled “${user.username}”.`, ended: 0 };
};

export const disableUser: UserChange = async (people, user) => {
  const end = await people.disable(user, notForced);
  return { text: `Disabled “${user.username}”.`, ...end };
};

export const deleteUser: UserChange = async (people, user) => {
  const end = await people.remove(user, notForced);
  return { text: `Deleted “${user.username}”.`, ...end };
};

export const signOutUser: UserChange = async (people, user) => {
  const end = await people.signOut(user);
  return { text: `Signed “${user.username}” out.`, ...end };
};

/** @param given default: one is made */
export function resetPassword(isTemporary: boolean, given?: string): UserChange {
  return async (people, user) => {
    const password = given ?? newPassword();
    const end = await people.resetPassword(user, password, { isTemporary });
    const made = given === undefined ? { password } : {};
    return { text: `Set another password for “${user.username}”.`, ...made, ...end };
  };
}

export function changeGroups(change: GroupChange): UserChange {
  return async (people, user) => {
    const { added, removed, ...end } = await people.changeGroups(user, change, notForced);
    const parts = [
      ...added.map((group) => `added “${user.username}” to ${group}`),
      ...removed.map((group) => `took “${user.username}” out of ${group}`),
    ];
    const [first = `nothing to change: “${user.username}” was so already`, ...rest] = parts;
    const text = [`${first.charAt(0).toUpperCase()}${first.slice(1)}`, ...rest].join(", ");
    return { text: `${text}.`, ...end };
  };
}

/**
 * Carries a change out and notes who did it to whom.
 *
 * @param action for the log
 * @throws {PeopleError} 409 for one's own account: whoever is changed loses their sessions, and
 *   Nexus would cut the answer with them
 */
export async function carryOut(
  change: UserChange,
  action: string,
  { people, user, context }: { people: People; user: IdentityUser; context: UserContext },
): Promise<UserChanged> {
  if (user.id === context.caller.user.sub) {
    throw new PeopleError(
      409,
      `Cannot ${action} yourself here, for that ends the session that you use right now: another administrator can, or the command line ("helm users --help")`,
    );
  }
  const changed = await change(people, user);
  const { ended, problem } = changed;
  noteUserChange(context, action, user, { ended, ...(problem !== undefined && { problem }) });
  return changed;
}
