import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { requireText } from "./argument_checks.ts";

const text = { type: "string", demandOption: true } as const;
const json = { type: "boolean", default: false, describe: "for programs" } as const;
const force = {
  type: "boolean",
  default: false,
  describe: "also when nobody could open the dashboard any more",
} as const;
const passwordInput = {
  type: "boolean",
  default: false,
  describe: "ask for the password, or read it from a pipe; else one is made and shown once",
} as const;
const temporary = {
  type: "boolean",
  default: true,
  describe: "has to be changed at the next sign-in (or --no-temporary)",
} as const;

/** `helm users …` */
export function addUsers(cli: Argv, checkout: Checkout): Argv {
  addListAndShow(cli, checkout);
  addCreate(cli, checkout);
  addChanges(cli, checkout);
  addGroups(cli, checkout);
  return cli
    .example("$0 users list", "who there is")
    .example("$0 users create ada --group technicians", "its password is shown once")
    .demandCommand(
      1,
      "Name an action: list, show, create, disable, enable, delete, reset-password, sign-out, groups, create-group.",
    );
}

const load = () => import("./users.ts");

/** The user that a command is about. */
function forUser<T>(y: Argv<T>, describe = "a user name, or an account's ID") {
  return y
    .positional("user", { ...text, describe })
    .check(({ user }) => requireText("user", String(user)));
}

function addListAndShow(cli: Argv, checkout: Checkout): void {
  cli
    .command(
      "list [search]",
      "Show who there is, with groups and state",
      (y) =>
        y
          .positional("search", { type: "string", describe: "a part of a name or address" })
          .option("json", json)
          .example("$0 users list ada", "whose name or address has ada in it"),
      async ({ search, json }) => (await load()).listUsers(checkout, search, { isJson: json }),
    )
    .command(
      "show <user>",
      "Show one user, with groups and sessions at the identity provider",
      (y) =>
        forUser(y)
          .option("json", json)
          .example("$0 users show ada", "groups, sessions, whether enabled"),
      async ({ user, json }) => (await load()).showUser(checkout, user, { isJson: json }),
    );
}

function addCreate(cli: Argv, checkout: Checkout): void {
  cli.command(
    "create <user>",
    "Make a user; the password is made too, and shown once",
    (y) =>
      forUser(y, "the new user's name, to sign in with")
        .option("email", { type: "string", describe: "may be used to sign in, too" })
        .option("first-name", { type: "string", describe: "as pages show it" })
        .option("last-name", { type: "string", describe: "as pages show it" })
        .option("group", { ...list, describe: "such as technicians; may be repeated" })
        .option("temporary", temporary)
        .option("password-stdin", passwordInput)
        .example("$0 users create ada --group technicians", "makes a password, and shows it once")
        .example("$0 users create ada --email ada@example.org --password-stdin", ""),
    async ({ user, email, firstName, lastName, group, temporary, passwordStdin }) => {
      const given = {
        username: user,
        groups: group,
        ...(email !== undefined && { email }),
        ...(firstName !== undefined && { firstName }),
        ...(lastName !== undefined && { lastName }),
      };
      const options = { isGiven: passwordStdin, isTemporary: temporary };
      await (await load()).createUser(checkout, given, options);
    },
  );
}

/** `--group a --group b`; without `nargs` the option would swallow the words behind it. */
const list = { type: "string", array: true, nargs: 1, default: [] as string[] } as const;

function addChanges(cli: Argv, checkout: Checkout): void {
  cli
    .command(
      "disable <user>",
      "Keep somebody from signing in, and sign them out everywhere",
      (y) =>
        forUser(y).option("force", force).example("$0 users disable ada", "at once, until enabled"),
      async ({ user, force }) => (await load()).disableUser(checkout, user, { isForced: force }),
    )
    .command(
      "enable <user>",
      "Let somebody sign in again",
      (y) => forUser(y).example("$0 users enable ada", "with the same password"),
      async ({ user }) => (await load()).enableUser(checkout, user),
    )
    .command(
      "delete <user>",
      "Delete a user for good, and sign them out everywhere",
      (y) =>
        forUser(y)
          .option("yes", { type: "boolean", default: false, describe: "without a question" })
          .option("force", force)
          .example("$0 users delete ada", "asks first"),
      async ({ user, yes, force }) =>
        (await load()).deleteUser(checkout, user, { isAgreed: yes, isForced: force }),
    )
    .command(
      "reset-password <user>",
      "Set another password, and sign the user out everywhere",
      (y) =>
        forUser(y)
          .option("temporary", temporary)
          .option("password-stdin", passwordInput)
          .example("$0 users reset-password ada", "makes one, and shows it once"),
      async ({ user, temporary, passwordStdin }) => {
        const options = { isGiven: passwordStdin, isTemporary: temporary };
        await (await load()).resetPassword(checkout, user, options);
      },
    )
    .command(
      "sign-out <user>",
      "End all sessions, here and at the identity provider",
      (y) => forUser(y).example("$0 users sign-out ada", "who may sign in again at once"),
      async ({ user }) => (await load()).signOutUser(checkout, user),
    );
}

function addGroups(cli: Argv, checkout: Checkout): void {
  cli
    .command(
      "groups [user]",
      "Show all groups, or those of a user, and change these",
      (y) =>
        y
          .positional("user", { type: "string", describe: "a user name, or an account's ID" })
          .option("add", { ...list, describe: "a group to join; may be repeated" })
          .option("remove", { ...list, describe: "a group to leave; may be repeated" })
          .option("json", json)
          .option("force", force)
          .check(({ user, add, remove }) => requireUserFor(user, [...add, ...remove]))
          .example("$0 users groups ada --add billing", "takes effect at once"),
      async ({ user, add, remove, json, force }) => {
        const change = { add, remove, isJson: json, isForced: force };
        await (await load()).showGroups(checkout, user, change);
      },
    )
    .command(
      "create-group <group>",
      "Make a group",
      (y) =>
        y
          .positional("group", { ...text, describe: "the new group's name" })
          .check(({ group }) => requireText("group", group))
          .example("$0 users create-group sales", "with nobody in it"),
      async ({ group }) => (await load()).createGroup(checkout, group),
    );
}

function requireUserFor(user: string | undefined, groups: readonly string[]): true {
  if (user !== undefined ? user.trim() !== "" : groups.length === 0) return true;
  throw new Error("--add and --remove need a user: helm users groups <user> --add <group>");
}
