import { adminPlace } from "../config/admin_place.ts";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { askCoreAsHelm } from "../control/ask_core.ts";
import type { SessionsEnd } from "../control/end_everywhere.ts";
import { adviseOnCredential } from "../control/identity_advice.ts";
import { newPassword } from "../control/new_password.ts";
import { createPeople, type GroupChange, type ListedUser, type People } from "../control/people.ts";
import { userAsJson, userDetailsAsJson } from "../control/user_json.ts";
import { createIdentityAdmin, type IdentityUser, type NewUser } from "../keycloak/admin_client.ts";
import { IdentityError } from "../keycloak/identity_error.ts";
import { confirm } from "./confirm.ts";
import { print } from "./output.ts";
import { readSecret } from "./read_secret.ts";
import { usersTable, userTable } from "./users_table.ts";

export interface PasswordOptions {
  /** Asked for at the terminal or read from what is piped in; else it is generated. */
  readonly isGiven: boolean;
  /** To be changed at the next sign-in. */
  readonly isTemporary: boolean;
}

/** How many are listed at once. */
const mostListed = 200;

/** `helm users list [search]`: a screen's fill for people, everybody for programs. */
export async function listUsers(
  checkout: Checkout,
  search: string = "",
  { isJson }: { isJson: boolean },
): Promise<void> {
  await withPeople(checkout, async (people) => {
    if (isJson) {
      const all = await listEverybody(people, search);
      return print(JSON.stringify(all.map(userAsJson), null, 2));
    }
    const { users, isTruncated } = await people.list({ search, max: mostListed });
    if (isTruncated) {
      process.stderr.write(
        `These are the first ${users.length}; give a part of a name to see others.\n`,
      );
    }
    if (users.length > 0) return print(usersTable(users));
    print(search === "" ? "There are no users." : `Nobody is called like "${search}".`);
  });
}

async function listEverybody(people: People, search: string): Promise<ListedUser[]> {
  const all: ListedUser[] = [];
  for (;;) {
    const part = await people.list({ search, first: all.length, max: mostListed });
    all.push(...part.users);
    if (!part.isTruncated) return all;
  }
}

/** `helm users show <user>` */
export async function showUser(
  checkout: Checkout,
  name: string,
  { isJson }: { isJson: boolean },
): Promise<void> {
  await withUser(checkout, "show", name, async (people, found) => {
    const user = await people.describe(found);
    print(isJson ? JSON.stringify(userDetailsAsJson(user), null, 2) : userTable(user));
  });
}

/** `helm users create <user>` */
export async function createUser(
  checkout: Checkout,
  user: Omit<NewUser, "password" | "isTemporary">,
  options: PasswordOptions,
): Promise<void> {
  await withPeople(checkout, async (people) => {
    const password = await choosePassword(user.username, options);
    const { isTemporary } = options;
    const { username } = await people.create({ ...user, password, isTemporary });
    print(`Created "${username}".`, ...describePassword(password, options));
  });
}

/** `helm users disable <user>`: cannot sign in any more, and is signed out everywhere. */
export async function disableUser(
  checkout: Checkout,
  name: string,
  force: { isForced: boolean },
): Promise<void> {
  await withUser(checkout, "disable", name, async (people, user) => {
    report(`Disabled "${user.username}"`, await people.disable(user, force));
  });
}

/** `helm users enable <user>` */
export async function enableUser(checkout: Checkout, name: string): Promise<void> {
  await withUser(checkout, "enable", name, async (people, user) => {
    await people.enable(user);
    print(`Enabled "${user.username}".`);
  });
}

/** `helm users delete <user>`: asks before. */
export async function deleteUser(
  checkout: Checkout,
  name: string,
  { isForced, isAgreed }: { isForced: boolean; isAgreed: boolean },
): Promise<void> {
  await withUser(checkout, "delete", name, async (people, user) => {
    if (!isAgreed && !(await askToDelete(user))) return print("Nothing was deleted.");
    report(`Deleted "${user.username}"`, await people.remove(user, { isForced }));
  });
}

/** `helm users reset-password <user>`: sets another, and ends the sessions. */
export async function resetPassword(
  checkout: Checkout,
  name: string,
  options: PasswordOptions,
): Promise<void> {
  await withUser(checkout, "reset the password of", name, async (people, user) => {
    const password = await choosePassword(user.username, options);
    const end = await people.resetPassword(user, password, options);
    report(`Set another password for "${user.username}"`, end);
    print(...describePassword(password, options));
  });
}

/** `helm users sign-out <user>` */
export async function signOutUser(checkout: Checkout, name: string): Promise<void> {
  await withUser(checkout, "sign out", name, async (people, user) => {
    report(`Signed "${user.username}" out`, await people.signOut(user));
  });
}

/** `helm users groups [user]`: those that there are, or those of a user, changed or as they are. */
export async function showGroups(
  checkout: Checkout,
  name: string | undefined,
  change: GroupChange & { isForced: boolean; isJson: boolean },
): Promise<void> {
  const show = (groups: readonly string[]) =>
    print(...(change.isJson ? [JSON.stringify(groups, null, 2)] : groups));
  if (name === undefined) {
    return await withPeople(checkout, async (people) => show(await people.groups()));
  }
  await withUser(checkout, "show the groups of", name, async (people, user) => {
    if (change.add.length + change.remove.length > 0) {
      const changed = await people.changeGroups(user, change, change);
      const isSame = changed.added.length + changed.removed.length === 0;
      const what = isSame ? "Nothing to change for" : "Changed the groups of";
      report(`${what} "${user.username}"`, changed, change.isJson ? process.stderr : undefined);
    }
    const { groups } = await people.describe(user);
    if (groups.length > 0 || change.isJson) show(groups);
    else print(`"${user.username}" is in no group.`);
  });
}

/** `helm users create-group <group>` */
export async function createGroup(checkout: Checkout, name: string): Promise<void> {
  await withPeople(checkout, async (people) => {
    await people.createGroup(name);
    print(`Created the group "${name}".`);
  });
}

async function withUser(
  checkout: Checkout,
  action: string,
  name: string,
  act: (people: People, user: IdentityUser) => Promise<void>,
): Promise<void> {
  await withPeople(checkout, async (people) => {
    await act(people, await people.find(`${action} "${name}"`, name));
  });
}

async function withPeople(
  checkout: Checkout,
  act: (people: People) => Promise<void>,
): Promise<void> {
  const config = await loadMasterConfig(checkout);
  const admin = createIdentityAdmin(adminPlace(config));
  try {
    await act(createPeople({ admin, askCore: askCoreAsHelm(config) }));
  } catch (error) {
    const advice = error instanceof IdentityError ? adviseOnCredential(error, config) : undefined;
    if (advice === undefined) throw error;
    throw new Error(`${(error as Error).message}.\n${advice}`, { cause: error });
  } finally {
    await admin.close();
  }
}

async function choosePassword(username: string, { isGiven }: PasswordOptions): Promise<string> {
  return isGiven ? await readSecret(`New password of "${username}": `) : newPassword();
}

function describePassword(
  password: string,
  { isGiven, isTemporary }: PasswordOptions,
): readonly string[] {
  const next = isTemporary ? ["At the next sign-in it has to be changed."] : [];
  return isGiven ? next : [`The password, shown this once: ${password}`, ...next];
}

async function askToDelete({
  username,
  firstName,
  lastName,
  email,
}: IdentityUser): Promise<boolean> {
  const details = [`${firstName} ${lastName}`.trim(), email].filter(Boolean).join(", ");
  const who = details === "" ? `"${username}"` : `"${username}" (${details})`;
  try {
    return await confirm(`Delete ${who}? That cannot be undone.`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot delete "${username}": ${reason}`, { cause: error });
  }
}

/** The change is done; that sessions may live on is for the one who reads errors. */
function report(
  done: string,
  { ended, problem }: SessionsEnd,
  stream: NodeJS.WritableStream = process.stdout,
): void {
  const sessions = ended === 1 ? "1 session" : `${ended} sessions`;
  stream.write(`${done}${ended > 0 ? `; ended ${sessions}` : ""}.\n`);
  if (problem === undefined) return;
  process.stderr.write(`${problem}.\n`);
  process.exitCode = 1;
}
