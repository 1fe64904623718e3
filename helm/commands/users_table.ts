import { formatAgo } from "../control/figures.ts";
import type { ListedUser, UserDetails } from "../control/people.ts";
import { type Colour, hasColours } from "./output.ts";
import { formatTable } from "./table.ts";

/** A row for each user. */
export function usersTable(
  users: readonly ListedUser[],
  { isColoured = hasColours() }: { isColoured?: boolean } = {},
): string {
  const columns = ["user", "name", "e-mail", "groups", "state"];
  const rows = users.map((user) => {
    const { state, colour } = stateOf(user);
    return {
      cells: [user.username, nameOf(user), user.email ?? "-", user.groups.join(", ") || "-", state],
      colours: [undefined, undefined, undefined, undefined, colour],
    };
  });
  return formatTable(columns, rows, isColoured);
}

/** One user, a line for each thing that is known. */
export function userTable(user: UserDetails, now = Date.now()): string {
  const { id, username, email, groups, sessions, createdAt } = user;
  const rows = [
    ["user", username],
    ["ID", id],
    ["name", nameOf(user)],
    ["e-mail", email ?? "-"],
    ["state", stateOf(user).state],
    ["groups", groups.join(", ") || "-"],
    ["created", createdAt?.toISOString() ?? "-"],
    ["sessions", sessions.length === 0 ? "none at the identity provider" : ""],
    ...sessions.map(({ address, startedAt, lastAccessAt }) => [
      "",
      `${address || "unknown address"}, signed in ${agoOf(startedAt, now)}, used ${agoOf(lastAccessAt, now)}`,
    ]),
  ];
  return formatTable(
    ["field", "value"],
    rows.map((cells) => ({ cells })),
  );
}

function stateOf({ isEnabled, mustChangePassword }: ListedUser): {
  state: string;
  colour?: Colour;
} {
  if (!isEnabled) return { state: "disabled", colour: "dim" };
  return mustChangePassword
    ? { state: "has to change the password", colour: "yellow" }
    : { state: "enabled", colour: "green" };
}

function nameOf({ firstName, lastName }: ListedUser): string {
  return `${firstName} ${lastName}`.trim() || "-";
}

function agoOf(time: Date, now: number): string {
  return formatAgo((now - time.getTime()) / 1000);
}
