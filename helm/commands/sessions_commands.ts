import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { requireText } from "./argument_checks.ts";

/** `helm sessions …` */
export function addSessions(cli: Argv, checkout: Checkout): Argv {
  const text = { type: "string", demandOption: true } as const;
  const load = () => import("./sessions.ts");
  return cli
    .command(
      "list [person]",
      "Show who is signed in, and from where",
      (y) =>
        y
          .positional("person", { type: "string", describe: "a part of the name" })
          .option("json", { type: "boolean", default: false, describe: "for programs" })
          .example("$0 sessions list ada", "with the IDs for revoke"),
      async ({ person, json }) => (await load()).listSessions(checkout, person, { isJson: json }),
    )
    .command(
      "revoke <id>",
      "End one session",
      (y) =>
        y
          .positional("id", { ...text, describe: "as listed; its first 6 characters are enough" })
          .check(({ id }) => requireSessionId(id))
          .example("$0 sessions revoke 3fa91c", "as listed"),
      async ({ id }) => (await load()).revokeSession(checkout, id),
    )
    .command(
      "revoke-all <user>",
      "Sign somebody out everywhere",
      (y) =>
        y
          .positional("user", { ...text, describe: "a user name, or an account's ID" })
          .check(({ user }) => requireText("user", user))
          .example("$0 sessions revoke-all ada", "who may sign in again at once"),
      async ({ user }) => (await load()).revokeAllSessions(checkout, user),
    )
    .example("$0 sessions list", "who is signed in")
    .example("$0 sessions revoke-all ada", "sign ada out everywhere")
    .demandCommand(1, "Name an action: list, revoke, revoke-all.");
}

/** Fewer characters would end whichever session happens to be there. */
function requireSessionId(id: string): true {
  if (/^[0-9a-f]{6,64}$/i.test(id)) return true;
  throw new Error(`"${id}" is no session's ID: these have 6 to 64 characters of 0-9 and a-f`);
}
