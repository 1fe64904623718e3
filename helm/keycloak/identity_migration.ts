// Moves people and groups from the embedded provider's tables into a real Keycloak. To be run as often
// as one likes: who is there already stays as they are.
import { readUser, toFields, toList } from "./admin_answers.ts";
import { type AdminPlace, createIdentityAdmin, type IdentityUser } from "./admin_client.ts";
import { AdminRequests } from "./admin_requests.ts";
import { IdentityError } from "./identity_error.ts";
import { type PasswordFate, passwordFate, toImportedUser } from "./imported_user.ts";
import type { StoredPeople, StoredUser } from "./stored_users.ts";

export interface MovedUser {
  readonly id: string;
  readonly username: string;
  /**
   * `there`: Keycloak has this very user already; `taken`: another one has the name or the address;
   * `failed`: Keycloak refused it.
   */
  readonly outcome: "moved" | "replaced" | "there" | "taken" | "failed";
  /** Of those who are moved. */
  readonly password?: PasswordFate;
  readonly temporaryPassword?: string;
  /** Why not. */
  readonly reason?: string;
  /** Taken, and `replaced` would make room. */
  readonly isReplaceable?: boolean;
}

export interface Migration {
  readonly createdGroups: readonly string[];
  readonly users: readonly MovedUser[];
}

export interface MigrationOptions {
  /** Only says what would be done. */
  readonly isDryRun: boolean;
  /** User names whose users at Keycloak make room for the embedded provider's. */
  readonly replaced: readonly string[];
  readonly newPassword: () => string;
}

/** A temporary password takes Keycloak a moment to hash, so that a batch takes some seconds. */
const batchSize = 20;
const timeoutMs = 120_000;

/**
 * Once the first user is moved it fails no more, for the temporary passwords are told only once: what
 * went wrong stands with each user.
 *
 * @throws {IdentityError} when Keycloak cannot be asked, or refuses Helm
 * @throws {Error} for a name to be replaced that the embedded provider does not know
 */
export async function migrateIdentities(
  place: AdminPlace,
  { users, groups }: StoredPeople,
  options: MigrationOptions,
): Promise<Migration> {
  requireKnown(users, options.replaced);
  const requests = new AdminRequests(place, timeoutMs);
  const admin = createIdentityAdmin(place);
  try {
    const present = await readPresentUsers(requests);
    const known = new Set((await admin.listGroups()).map(({ name }) => name));
    const createdGroups = groups.filter((name) => !known.has(name));
    const planned = users.map((user) => plan(user, present, options));
    if (options.isDryRun) return { createdGroups, users: planned.map(({ moved }) => moved) };
    for (const name of createdGroups) await admin.createGroup(name);
    const moving = new Importer(requests, await readGroupPaths(requests));
    for (const { moved, occupant } of planned) {
      if (moved.outcome === "replaced" && occupant !== undefined) {
        await admin.logoutUser(occupant.id);
      }
    }
    return { createdGroups, users: await moving.importAll(planned) };
  } finally {
    requests.close();
    await admin.close();
  }
}

interface Plan {
  readonly user: StoredUser;
  readonly moved: MovedUser;
  /** Who has the name at Keycloak. */
  readonly occupant?: IdentityUser | undefined;
}

interface PresentUsers {
  readonly byId: ReadonlyMap<string, IdentityUser>;
  readonly byName: ReadonlyMap<string, IdentityUser>;
  readonly byEmail: ReadonlyMap<string, IdentityUser>;
}

function plan(user: StoredUser, present: PresentUsers, options: MigrationOptions): Plan {
  const { id, username, email } = user;
  if (present.byId.has(id)) return { user, moved: { id, username, outcome: "there" } };
  const occupant = present.byName.get(username);
  const taken = (reason: string, isReplaceable: boolean): Plan => {
    return { user, moved: { id, username, outcome: "taken", reason, isReplaceable } };
  };
  const isReplaced = occupant !== undefined && isNamed(options.replaced, username);
  if (occupant !== undefined && !isReplaced) {
    return taken(`Keycloak has another user of this name, with the ID ${occupant.id}`, true);
  }
  const namesake = email === null ? undefined : present.byEmail.get(email);
  if (namesake !== undefined && namesake.id !== occupant?.id) {
    return taken(`"${namesake.username}" has the e-mail address ${email} at Keycloak`, false);
  }
  const password = passwordFate(user);
  const secret = password === "temporary" &&
    !options.isDryRun && { temporaryPassword: options.newPassword() };
  const outcome = isReplaced ? "replaced" : "moved";
  return { user, occupant, moved: { id, username, outcome, password, ...secret } };
}

/** Imports users some at a time; where some of them are refused, one by one. */
class Importer {
  readonly #requests: AdminRequests;
  readonly #groupPaths: ReadonlyMap<string, string>;

  constructor(requests: AdminRequests, groupPaths: ReadonlyMap<string, string>) {
    this.#requests = requests;
    this.#groupPaths = groupPaths;
  }

  /** In the order of the plans. */
  async importAll(plans: readonly Plan[]): Promise<MovedUser[]> {
    const results = new Map<string, MovedUser>(plans.map(({ moved }) => [moved.id, moved]));
    for (const outcome of ["moved", "replaced"] as const) {
      const left = plans.filter(({ moved }) => moved.outcome === outcome);
      for (let first = 0; first < left.length; first += batchSize) {
        for (const moved of await this.#importBatch(left.slice(first, first + batchSize))) {
          results.set(moved.id, moved);
        }
      }
    }
    return [...results.values()];
  }

  async #importBatch(plans: readonly Plan[]): Promise<MovedUser[]> {
    try {
      return await this.#importTogether(plans);
    } catch (error) {
      // One transaction there: of a batch that is refused, nobody is moved.
      if (plans.length === 1 || !isAboutUsers(error)) {
        return plans.map(({ moved }) => failed(moved, error));
      }
      const results: MovedUser[] = [];
      for (const one of plans) results.push(...(await this.#importBatch([one])));
      return results;
    }
  }

  async #importTogether(plans: readonly Plan[]): Promise<MovedUser[]> {
    const isReplacing = plans.some(({ moved }) => moved.outcome === "replaced");
    const users = plans.map(({ user, moved }) =>
      toImportedUser(user, this.#groupPaths, moved.temporaryPassword),
    );
    const { body } = await this.#requests.ask("move users", "POST", "/partialImport", {
      // Not overwritten: somebody of that name who has come meanwhile.
      ifResourceExists: isReplacing ? "OVERWRITE" : "SKIP",
      users,
    });
    const results = toList(toFields(body)["results"]);
    return plans.map(({ moved }) => {
      const result = results.find((each) => each["resourceName"] === moved.username);
      // The ID is all that ties a person to what services keep for them.
      const isSkipped = result?.["action"] === "SKIPPED";
      if (!isSkipped && result?.["id"] === moved.id) return moved;
      const reason = isSkipped
        ? "Keycloak has another user of this name, with another ID"
        : "Keycloak has made this user, but with another ID";
      return { id: moved.id, username: moved.username, outcome: "taken", reason };
    });
  }
}

/** Rather than about Helm, or about nobody having answered. Keycloak has 500 for what its tables refuse. */
function isAboutUsers(error: unknown): boolean {
  return error instanceof IdentityError && ![undefined, 401, 403, 503].includes(error.status);
}

function failed({ id, username }: MovedUser, error: unknown): MovedUser {
  const reason = error instanceof IdentityError ? error.reason : String(error);
  return { id, username, outcome: "failed", reason };
}

async function readPresentUsers(requests: AdminRequests): Promise<PresentUsers> {
  const users: IdentityUser[] = [];
  const max = 500;
  for (let first = 0; ; first += max) {
    const path = `/users?first=${first}&max=${max}`;
    const { body } = await requests.ask("list the users of Keycloak", "GET", path);
    const page = toList(body).map(readUser);
    users.push(...page);
    if (page.length < max) break;
  }
  const by = (key: (user: IdentityUser) => string) =>
    new Map(users.map((user) => [key(user), user]));
  return {
    byId: by(({ id }) => id),
    byName: by(({ username }) => username),
    byEmail: by(({ email = "" }) => email.toLowerCase()),
  };
}

async function readGroupPaths(requests: AdminRequests): Promise<Map<string, string>> {
  const { body } = await requests.ask("list the groups of Keycloak", "GET", "/groups?max=10000");
  return new Map(toList(body).map(({ name, path }) => [String(name), String(path)]));
}

function requireKnown(users: readonly StoredUser[], names: readonly string[]): void {
  const unknown = names.find((name) => !users.some(({ username }) => isNamed([name], username)));
  if (unknown === undefined) return;
  throw new Error(
    `Cannot replace user "${unknown}": the embedded provider has nobody of this name`,
  );
}

function isNamed(names: readonly string[], username: string): boolean {
  return names.some((name) => name.toLowerCase() === username);
}
