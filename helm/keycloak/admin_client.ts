// Users, groups and sessions at the identity provider, whichever it is: Keycloak's Admin REST API,
// which the embedded provider answers too.
import {
  groupName,
  parseBody,
  readGroup,
  readReason,
  readSession,
  readUser,
  toFields,
  toList,
} from "./admin_answers.ts";
import { type Answer, HttpExchange, type Question } from "./http_exchange.ts";

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
  /** Everybody in it. */
  listMembers(group: string): Promise<IdentityUser[]>;
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

/** What the provider refused or did not answer; the message is for the person. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly isExpected = true;
  /** What is wrong, without the action. */
  readonly reason: string;
  /** Of the provider's answer, if there was one. */
  readonly status: number | undefined;
  /** Whether what was asked for may have happened all the same. */
  readonly mayHaveActed: boolean;
  /** Whether nothing can be asked there at the moment: it is away, or refuses Helm itself. */
  readonly isOutage: boolean;

  constructor(action: string, reason: string, details: IdentityErrorDetails = {}) {
    super(`Cannot ${action}: ${reason}`, { cause: details.cause });
    this.reason = reason;
    this.status = details.status;
    this.mayHaveActed = details.mayHaveActed ?? false;
    this.isOutage = details.isOutage ?? false;
  }
}

interface IdentityErrorDetails {
  readonly status?: number | undefined;
  readonly mayHaveActed?: boolean;
  readonly isOutage?: boolean;
  readonly cause?: unknown;
}

/** The change itself is made; the sessions that had to end with it may live on. */
export class SessionsLeftError extends IdentityError {}

/** Of one question; Keycloak takes its time in its first seconds. */
const defaultTimeoutMs = 15_000;

export function createIdentityAdmin(
  place: AdminPlace,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
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

    async listMembers(group) {
      const action = `list the members of group "${group}"`;
      const [found] = await findGroups(action, [group]);
      const path = `/groups/${segment(found?.id ?? "")}/members?max=10000`;
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

/** Asks the Admin REST API with a token that is kept until shortly before its end. */
export class AdminRequests {
  readonly #place: AdminPlace;
  readonly #base: string;
  readonly #timeoutMs: number;
  readonly #exchange: HttpExchange;
  #token: Promise<{ value: string; endsAtMs: number }> | undefined;

  constructor(place: AdminPlace, timeoutMs: number = defaultTimeoutMs) {
    this.#place = place;
    this.#base = place.backendUrl.replace(/\/+$/, "");
    this.#timeoutMs = timeoutMs;
    this.#exchange = new HttpExchange(timeoutMs);
  }

  /** @param path below the realm's */
  async ask(
    action: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<{ body: unknown; headers: Answer["headers"] }> {
    return await this.#ask(
      action,
      method,
      `/${encodeURIComponent(this.#place.realm)}${path}`,
      body,
    );
  }

  /** Makes the realm itself, which has no path before. */
  async createRealm(realm: object): Promise<void> {
    const { realm: name } = this.#place;
    await this.#ask(`create realm "${name}"`, "POST", "", { ...realm, realm: name });
  }

  /** @param path below that of all realms */
  async #ask(
    action: string,
    method: string,
    path: string,
    body: object | undefined,
  ): Promise<{ body: unknown; headers: Answer["headers"] }> {
    const first = await this.#askWith(await this.#takeToken(action), action, method, path, body);
    // The provider may have new keys, or have been set up anew, since that token.
    const isTokenRefused = first.status === 401;
    if (isTokenRefused) this.#token = undefined;
    const answer = isTokenRefused
      ? await this.#askWith(await this.#takeToken(action), action, method, path, body)
      : first;
    if (answer.status >= 200 && answer.status < 300) {
      return { body: parseBody(answer.text), headers: answer.headers };
    }
    throw this.#describeRefusal(action, method, answer);
  }

  close(): void {
    this.#exchange.close();
  }

  #askWith(
    token: string,
    action: string,
    method: string,
    path: string,
    body: object | undefined,
  ): Promise<Answer> {
    const url = `${this.#base}/admin/realms${path}`;
    const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
    const content = body === undefined ? undefined : JSON.stringify(body);
    const type = content === undefined ? {} : { "content-type": "application/json" };
    return this.#send(action, url, { method, headers: { ...headers, ...type }, body: content });
  }

  /** One question for a token serves all that wait for it; who finds it failed asks for themselves. */
  async #takeToken(action: string): Promise<string> {
    const kept = await this.#token?.catch(() => undefined);
    if (kept !== undefined && performance.now() < kept.endsAtMs) return kept.value;
    const fresh = this.#fetchToken(action);
    this.#token = fresh;
    return (await fresh).value;
  }

  async #fetchToken(action: string): Promise<{ value: string; endsAtMs: number }> {
    const { realm, tokenRealm = realm, clientId, clientSecret } = this.#place;
    const path = `/realms/${encodeURIComponent(tokenRealm)}/protocol/openid-connect/token`;
    const askedAtMs = performance.now();
    const answer = await this.#send(action, this.#base + path, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: clientId,
        client_secret: clientSecret,
      }).toString(),
    });
    const fields = toFields(parseBody(answer.text));
    const { access_token: value, expires_in: seconds } = fields;
    if (answer.status === 200 && typeof value === "string") {
      // So that it is still good when it arrives.
      const usableMs = Math.max(Number(seconds ?? 60) - 10, 1) * 1000;
      return { value, endsAtMs: askedAtMs + usableMs };
    }
    throw this.#describeTokenRefusal(action, answer);
  }

  async #send(action: string, url: string, question: Question): Promise<Answer> {
    try {
      return await this.#exchange.ask(new URL(url), question);
    } catch (error) {
      throw this.#describeSilence(action, question.method, error);
    }
  }

  #describeSilence(action: string, method: string, error: unknown): IdentityError {
    const { name, code, message } = error as { name?: string; code?: string; message?: string };
    const isAway = ["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "EAI_AGAIN"].includes(code ?? "");
    const reason = isAway
      ? "cannot be reached"
      : name === "TimeoutError"
        ? `did not answer within ${this.#timeoutMs / 1000} s`
        : `broke off its answer (${code ?? message})`;
    return new IdentityError(
      action,
      `the identity provider at ${this.#base} ${reason}, see "helm status"`,
      { mayHaveActed: !isAway && method !== "GET", isOutage: true, cause: error },
    );
  }

  #describeTokenRefusal(action: string, { status, text }: Answer): IdentityError {
    const { realm, tokenRealm = realm, clientId } = this.#place;
    const said = readReason(parseBody(text)) ?? "nothing more";
    const reason =
      status === 400 || status === 401
        ? `the identity provider refuses the client "${clientId}" in realm ${tokenRealm} (${said}); check keycloak.admin_client_id and keycloak.admin_client_secret`
        : status === 404
          ? `the identity provider has no realm ${tokenRealm}; check keycloak.realm and keycloak.url`
          : `the identity provider answers ${status} (${said}), see "helm status"`;
    // Only the token was asked for so far.
    return new IdentityError(action, reason, { status, isOutage: true });
  }

  #describeRefusal(action: string, method: string, { status, text }: Answer): IdentityError {
    const { realm, clientId } = this.#place;
    const said = readReason(parseBody(text)) ?? "nothing more";
    const reason =
      status === 401 || status === 403
        ? `the client "${clientId}" may not do that (${said}); give its service account the role realm-admin of the client realm-management in realm ${realm}`
        : status >= 500
          ? `the identity provider answers ${status} (${said}), see "helm logs keycloak"`
          : `the identity provider refuses: ${said}`;
    return new IdentityError(action, reason, {
      status,
      mayHaveActed: status >= 500 && method !== "GET",
      isOutage: status >= 500 || status === 401 || status === 403,
    });
  }
}
