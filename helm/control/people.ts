// What Helm does to users and groups, the same for the command line and the dashboard. A change is
// made first, and then the sessions that rest on what was before end (R9, R12, R23): in the other
// order, somebody could sign in again in between.
import type { IdentityAdmin, IdentitySession, IdentityUser } from "../keycloak/admin_client.ts";
import { IdentityError, SessionsLeftError } from "../keycloak/identity_error.ts";
import type { AskCore } from "./ask_core.ts";
import { endEverywhere, type SessionsEnd } from "./end_everywhere.ts";
import { mapFewAtOnce } from "./few_at_once.ts";
import { adminGroup, requireOtherAdmin } from "./last_admin.ts";
import { didYouMean } from "./near_names.ts";
import { PeopleError } from "./people_error.ts";

export interface PeopleParts {
  readonly admin: IdentityAdmin;
  readonly askCore: AskCore;
}

export interface ListedUser extends IdentityUser {
  readonly groups: readonly string[];
}

export interface ListedUsers {
  readonly users: readonly ListedUser[];
  /** There are more behind them. */
  readonly isTruncated: boolean;
}

export interface UserDetails extends ListedUser {
  /** Those of the identity provider; the platform's are Core's. */
  readonly sessions: readonly IdentitySession[];
}

export interface Force {
  /** Also what leaves nobody to open the dashboard. */
  readonly isForced: boolean;
}

export interface GroupChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export interface GroupsChanged extends SessionsEnd {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export type People = ReturnType<typeof createPeople>;

/** Every function throws IdentityError when the identity provider refuses or does not answer. */
export function createPeople(parts: PeopleParts) {
  const { admin } = parts;
  return {
    list: (options: { search?: string; first?: number; max: number }) => listUsers(admin, options),
    find: (action: string, user: string) => findUser(admin, action, user),
    /** By the id alone: one's user name may look like another's id. */
    async findById(id: string): Promise<IdentityUser | undefined> {
      const user = await admin.findUser(id);
      return user?.id === id ? user : undefined;
    },
    async describe(user: IdentityUser): Promise<UserDetails> {
      const [groups, sessions] = await Promise.all([
        admin.groupsOf(user.id),
        admin.listSessions(user.id),
      ]);
      return { ...user, groups, sessions };
    },
    create: admin.createUser.bind(admin),
    async groups(): Promise<string[]> {
      return (await admin.listGroups()).map(({ name }) => name).toSorted();
    },
    membersOf: (group: string, options: { max: number }) => admin.listMembers(group, options),
    createGroup: (name: string) => admin.createGroup(name),
    enable: (user: IdentityUser) => nameUser("enable", user, () => admin.setEnabled(user.id, true)),
    /** @throws {PeopleError} 409 for the last administrator, unless forced; so do the next two */
    async disable(user: IdentityUser, { isForced }: Force): Promise<SessionsEnd> {
      if (!isForced) await requireOtherAdmin(admin, `disable "${user.username}"`, user);
      return await changeAndEnd(parts, user, "disable", () => admin.setEnabled(user.id, false));
    },
    async remove(user: IdentityUser, { isForced }: Force): Promise<SessionsEnd> {
      if (!isForced) await requireOtherAdmin(admin, `delete "${user.username}"`, user);
      return await changeAndEnd(parts, user, "delete", () => admin.deleteUser(user.id));
    },
    changeGroups: (user: IdentityUser, change: GroupChange, force: Force) =>
      changeGroups(parts, user, change, force),
    /** Whoever knows the former password may be why it was replaced, so all sessions end. */
    resetPassword: (user: IdentityUser, password: string, how: { isTemporary: boolean }) =>
      changeAndEnd(parts, user, "set the password of", () =>
        admin.resetPassword(user.id, password, how),
      ),
    signOut: (user: IdentityUser) => endEverywhere(parts, user, { atProvider: true }),
  };
}

/** @param change ends the provider's sessions too, and says when it could not do that second part */
async function changeAndEnd(
  parts: PeopleParts,
  user: IdentityUser,
  verb: string,
  change: () => Promise<void>,
): Promise<SessionsEnd> {
  let areLeft = false;
  try {
    await nameUser(verb, user, change);
  } catch (error) {
    if (!(error instanceof SessionsLeftError)) throw error;
    areLeft = true;
  }
  return await endEverywhere(parts, user, { atProvider: areLeft });
}

/** In messages the user's name says more than the id that the provider was asked with. */
async function nameUser<T>(
  verb: string,
  { username }: IdentityUser,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof IdentityError) || error instanceof SessionsLeftError) throw error;
    const { reason, status, mayHaveActed, isOutage } = error;
    const details = { status, mayHaveActed, isOutage, cause: error };
    throw new IdentityError(`${verb} "${username}"`, reason, details);
  }
}

async function listUsers(
  admin: IdentityAdmin,
  options: { search?: string; first?: number; max: number },
): Promise<ListedUsers> {
  const { users, isTruncated } = await admin.listUsers(options);
  const listed = await mapFewAtOnce(users, async (user) => ({
    ...user,
    groups: await admin.groupsOf(user.id).catch(noneIfGone),
  }));
  return { users: listed, isTruncated };
}

/** Somebody may be deleted between the two questions. */
function noneIfGone(error: unknown): string[] {
  if (error instanceof IdentityError && error.status === 404 && !error.isOutage) return [];
  throw error;
}

/** Of very many users only these are looked through for a name that is like another. */
const looksThrough = 500;

/** @throws {PeopleError} 404, with the names that may have been meant */
async function findUser(
  admin: IdentityAdmin,
  action: string,
  usernameOrId: string,
): Promise<IdentityUser> {
  const user = await admin.findUser(usernameOrId);
  if (user !== undefined) return user;
  const { users } = await admin.listUsers({ max: looksThrough });
  const names = users.map(({ username }) => username);
  const hint = didYouMean(usernameOrId, names) || '; "helm users list" shows who there is';
  throw new PeopleError(404, `Cannot ${action}: there is no user "${usernameOrId}"${hint}`);
}

/**
 * The user stays signed in at the provider, and every session of the platform ends: the next
 * request leads to a new one, which has the new groups.
 */
async function changeGroups(
  parts: PeopleParts,
  user: IdentityUser,
  change: GroupChange,
  { isForced }: Force,
): Promise<GroupsChanged> {
  const { admin } = parts;
  const before = await admin.groupsOf(user.id);
  const wanted = change.add.filter((group) => !before.includes(group));
  const unwanted = change.remove.filter((group) => before.includes(group));
  await requireGroups(admin, user, [...wanted, ...change.remove]);
  if (unwanted.includes(adminGroup) && !isForced) {
    await requireOtherAdmin(admin, `take "${user.username}" out of "${adminGroup}"`, user);
  }
  let end: SessionsEnd = { ended: 0 };
  try {
    for (const group of wanted) await admin.addToGroup(user.id, group);
    for (const group of unwanted) await admin.removeFromGroup(user.id, group);
  } finally {
    // Also when it broke off half-way: what was changed until then counts.
    const isChanged = wanted.length + unwanted.length > 0;
    if (isChanged) end = await endEverywhere(parts, user, { atProvider: false });
  }
  return { ...end, added: wanted, removed: unwanted };
}

/** Before anything is changed. @throws {PeopleError} 404 for a group that is not there */
async function requireGroups(
  admin: IdentityAdmin,
  { username }: IdentityUser,
  groups: readonly string[],
): Promise<void> {
  if (groups.length === 0) return;
  const known = (await admin.listGroups()).map(({ name }) => name);
  const unknown = groups.find((group) => !known.includes(group));
  if (unknown === undefined) return;
  throw new PeopleError(
    404,
    `Cannot change the groups of "${username}": there is no group "${unknown}", only ${known.toSorted().join(", ")}; "helm users create-group" makes one`,
  );
}
