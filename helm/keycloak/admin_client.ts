// Users, groups and sessions at the identity provider, whichever it is: Keycloak's Admin REST API,
// which the embedded provider answers too.
import { groupName, readGroup, readSession, readUser, toFields, toList } from "./admin_answers.ts";
import { AdminRequests } from "./admin_requests.ts";
import { IdentityError, SessionsLeftError } from "./identity_error.ts";

/** The provider, and who Helm is there. */
export interface AdminPlace {
  /** The direct way to it, not through Nexus. */
  readonly backendUrl: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the token is from. Default: the realm itself. */
  readonly tokenRealm?: string;
}

export interface IdentityUser {
  /** The `sub` of this person's tokens. */
  readonly id: string;
  readonly username: string;
  readonly email: string | undefined;
  readonly firstName: string;
  readonly lastName: string;
  readonly isEnabled: boolean;
  readonly mustChangePassword: boolean;
  readonly createdAt: Date | undefined;
}

export interface NewUser {
  readonly username: string;
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  /** By name. */
  readonly groups?: readonly string[];
  readonly password: string;
  /** Asked to choose another at the next sign-in. */
  readonly isTemporary: boolean;
}

export interface IdentitySession {
  readonly id: string;
  readonly address: string;
  readonly startedAt: Date;
  readonly lastAccessAt: Date;
}

/** All of it throws {@link IdentityError}. */
export interface IdentityAdmin {
  /**
   * By user name, 100 of them unless `max` says otherwise.
   *
   * @param options.search words, each a part of the user name, a name or the e-mail address
   */
  listUsers(options?: {
    search?: string;
    first?: number;
    max?: number;
  }): Promise<{ users: IdentityUser[]; isTruncated: boolean }>;
  /** By the exact user name, upper and lower case being the same, or by the id. */
  findUser(usernameOrId: string): Promise<IdentityUser | undefined>;
  /** All or nothing, groups included. */
  createUser(user: NewUser): Promise<IdentityUser>;
  /** Disabling ends the provider's sessions of that user too. */
  setEnabled(id: string, isEnabled: boolean): Promise<void>;
  deleteUser(id: string): Promise<void>;
  /** Ends the sessions too: whoever signed in with the former password may be why it is replaced. */
  resetPassword(id: string, password: string, options: { isTemporary: boolean }): Promise<void>;
  /** By name; a group below another is named with it: `sales/north`. */
  listGroups(): Promise<{ id: string; name: string }[]>;
  createGroup(name: string): Promise<void>;
  /** Everybody in it, or the first `max` of them. */
  listMembers(group: string, options?: { max?: number }): Promise<IdentityUser[]>;
  /** Names, sorted. */
  groupsOf(userId: string): Promise<string[]>;
  addToGroup(userId: string, group: string): Promise<void>;
  removeFromGroup(userId: string, group: string): Promise<void>;
  listSessions(userId: string): Promise<IdentitySession[]>;
  endSession(id: string): Promise<void>;
  /** Ends all of the provider's sessions of that user. */
  logoutUser(userId: string): Promise<void>;
  close(): Promise<void>;
}

export function createIdentityAdmin(
  place: AdminPlace,
  { timeoutMs }: { timeoutMs?: number } = {},
): IdentityAdmin {
  const requests = new AdminRequests(place, timeoutMs);

  const listGroups = async (action: string) => {
    const groups = [];
    const left = toList((await requests.ask(action, "GET", "/groups")).body);
    for (let group = left.shift(); group !== undefined; group = left.shift()) {
      groups.push(readGroup(group));
      if (Number(group["subGroupCount"] ?? 0) === 0) continue;
      const children = `/groups/${segment(readGroup(group).id)}/children?max=10000`;
      left.push(...toList((await requests.ask(action, "GET", children)).body));
    }
    return groups.sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const findGroups = async (action: string, names: readonly string[]) => {
    const known = await listGroups(action);
    return names.map((name) => {
      const group = known.find((each) => each.name === name);
      if (group !== undefined) return group;
      const list = known.map((each) => each.name).join(", ") || "none";
      throw new IdentityError(action, `there is no group "${name}"; the groups are: ${list}`);
    });
  };
  const logoutUser = async (action: string, id: string) => {
    await requests.ask(action, "POST", `/users/${segment(id)}/logout`, {});
  };
  const endSessionsAfter = async (action: string, id: string) => {
    await logoutUser(action, id).catch((cause: unknown) => {
      if (!(cause instanceof IdentityError)) throw cause;
      const { reason, status, isOutage } = cause;
      throw new SessionsLeftError(action, reason, { status, isOutage, mayHaveActed: true, cause });
    });
  };
  const readById = async (action: string, id: string) =>
    readUser(toFields((await requests.ask(action, "GET", `/users/${segment(id)}`)).body));

  return {
    async listUsers({ search = "", first = 0, max = 100 } = {}) {
      // Without the stars, a word has to be the beginning.
      const words = search.split(/\s+/).filter((word) => word !== "");
      const query = new URLSearchParams({ first: `${first}`, max: `${max + 1}` });
      if (words.length > 0) query.set("search", words.map((word) => `*${word}*`).join(" "));
      const { body } = await requests.ask("list users", "GET", `/users?${query}`);
      const users = toList(body).map(readUser);
      return { users: users.slice(0, max), isTruncated: users.length > max };
    },

    async findUser(usernameOrId) {
      const action = `find user "${usernameOrId}"`;
      if (usernameOrId === "") return undefined;
      const query = new URLSearchParams({ username: usernameOrId, exact: "true" });
      const [named] = toList((await requests.ask(action, "GET", `/users?${query}`)).body);
      if (named !== undefined) return readUser(named);
      // What is not an id for sure could mean another path there.
      if (!/^[\w:-][\w.:@-]*$/.test(usernameOrId)) return undefined;
      try {
        const user = await readById(action, usernameOrId);
        return user.id === usernameOrId ? user : undefined;
      } catch (error) {
        if (error instanceof IdentityError && error.status === 404) return undefined;
        throw error;
      }
    },

    async createUser({ username, email, firstName, lastName, groups = [], password, isTemporary }) {
      const action = `create user "${username}"`;
      // Said before anything is made, and by name, where the provider would fail at a path.
      const found = await findGroups(action, groups);
      const { headers } = await requests.ask(action, "POST", "/users", {
        username,
        ...(email !== undefined && { email }),
        ...(firstName !== undefined && { firstName }),
        ...(lastName !== undefined && { lastName }),
        enabled: true,
        groups: found.map((group) => group.path),
        credentials: [{ type: "password", value: password, temporary: isTemporary }],
      });
      const id = decodeURIComponent(headers.location?.split("/").at(-1) ?? "");
      return await readById(`read user "${username}", who was created`, id);
    },

    async setEnabled(id, isEnabled) {
      const action = `${isEnabled ? "enable" : "disable"} user ${id}`;
      await requests.ask(action, "PUT", `/users/${segment(id)}`, { enabled: isEnabled });
      if (!isEnabled) await endSessionsAfter(`end the sessions of user ${id}, who is disabled`, id);
    },

    async deleteUser(id) {
      const action = `delete user ${id}`;
      // Keycloak tells the platform of sessions that are ended, but not of ones that go with a user.
      await logoutUser(action, id);
      await requests.ask(action, "DELETE", `/users/${segment(id)}`);
    },

    async resetPassword(id, password, { isTemporary }) {
      const credential = { type: "password", value: password, temporary: isTemporary };
      const path = `/users/${segment(id)}/reset-password`;
      await requests.ask(`set the password of user ${id}`, "PUT", path, credential);
      await endSessionsAfter(`end the sessions of user ${id}, whose password is new`, id);
    },

    async listGroups() {
      const groups = await listGroups("list groups");
      return groups.map(({ id, name }) => ({ id, name }));
    },

    async createGroup(name) {
      await requests.ask(`create group "${name}"`, "POST", "/groups", { name });
    },

    async listMembers(group, { max = 10_000 } = {}) {
      const action = `list the members of group "${group}"`;
      const [found] = await findGroups(action, [group]);
      const path = `/groups/${segment(found?.id ?? "")}/members?max=${max}`;
      return toList((await requests.ask(action, "GET", path)).body).map(readUser);
    },

    async groupsOf(userId) {
      const action = `list the groups of user ${userId}`;
      const { body } = await requests.ask(action, "GET", `/users/${segment(userId)}/groups`);
      return toList(body).map(groupName).sort();
    },

    async addToGroup(userId, group) {
      const action = `add user ${userId} to group "${group}"`;
      const [found] = await findGroups(action, [group]);
      const path = `/users/${segment(userId)}/groups/${segment(found?.id ?? "")}`;
      await requests.ask(action, "PUT", path, {});
    },

    async removeFromGroup(userId, group) {
      const action = `take user ${userId} out of group "${group}"`;
      const [found] = await findGroups(action, [group]);
      const path = `/users/${segment(userId)}/groups/${segment(found?.id ?? "")}`;
      await requests.ask(action, "DELETE", path);
    },

    async listSessions(userId) {
      const action = `list the sessions of user ${userId}`;
      const { body } = await requests.ask(action, "GET", `/users/${segment(userId)}/sessions`);
      return toList(body).map(readSession);
    },

    async endSession(id) {
      await requests.ask(`end session ${id}`, "DELETE", `/sessions/${segment(id)}`);
    },

    async logoutUser(userId) {
      await logoutUser(`end the sessions of user ${userId}`, userId);
    },

    async close() {
      requests.close();
    },
  };
}

/** One segment of a path, whatever is in it. */
function segment(id: string): string {
  if (id !== "" && id !== "." && id !== "..") return encodeURIComponent(id);
  throw new IdentityError("ask the identity provider", `"${id}" is no id`);
}
