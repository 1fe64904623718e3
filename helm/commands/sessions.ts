import type { Checkout } from "../config/checkout.ts";
import { askCore } from "./ask_core.ts";
import { print } from "./output.ts";

interface ListedSession {
  readonly id: string;
  readonly sub: string;
  readonly name: string;
  readonly preferred_username: string;
  readonly permission_level: string;
  readonly created_at: string;
  readonly last_seen_at: string;
  readonly address: string;
}

/** `helm sessions list [user]`: who is signed in, and from where. */
export async function listSessions(
  checkout: Checkout,
  user: string | undefined,
  { isJson }: { isJson: boolean },
): Promise<void> {
  const sessions = await readSessions(checkout, user);
  if (isJson) return print(JSON.stringify(sessions, null, 2));
  if (sessions.length === 0) return print("Nobody is signed in.");
  for (const line of formatTable(sessions)) print(line);
}

/** `helm sessions revoke <id>`: ends one; the first characters of its id are enough. */
export async function revokeSession(checkout: Checkout, id: string): Promise<void> {
  const found = (await readSessions(checkout, undefined)).filter((each) => each.id.startsWith(id));
  const [session] = found;
  if (session === undefined) throw new Error(`Cannot end session ${id}: there is no such session`);
  if (found.length > 1) {
    throw new Error(`Cannot end session ${id}: ${found.length} sessions begin so, give more of it`);
  }
  await askCore(checkout, "end the session", "DELETE", `/api/sessions/${session.id}`);
  print(`The session of ${session.preferred_username} has ended.`);
}

/** `helm sessions revoke-all <user>`: signs somebody out everywhere. */
export async function revokeAllSessions(checkout: Checkout, user: string): Promise<void> {
  const [session] = await readSessions(checkout, user);
  if (session === undefined) return print(`${user} is not signed in anywhere.`);
  const path = `/api/sessions?sub=${encodeURIComponent(session.sub)}`;
  const { ended } = await askCore(checkout, "end the sessions", "DELETE", path);
  print(`${ended} of ${session.preferred_username}'s sessions have ended.`);
}

/** @param user a user name, or the `sub` of one */
async function readSessions(
  checkout: Checkout,
  user: string | undefined,
): Promise<readonly ListedSession[]> {
  const { sessions } = await askCore(checkout, "list sessions", "GET", "/api/sessions?all=1");
  const all = Array.isArray(sessions) ? (sessions as ListedSession[]) : [];
  if (user === undefined) return all;
  const wanted = user.toLowerCase();
  return all.filter(
    ({ sub, preferred_username }) => sub === user || preferred_username.toLowerCase() === wanted,
  );
}

function formatTable(sessions: readonly ListedSession[]): string[] {
  const rows = [
    ["ID", "USER", "LEVEL", "SINCE", "LAST SEEN", "ADDRESS"],
    ...sessions.map((each) => [
      each.id.slice(0, 12),
      each.preferred_username,
      each.permission_level,
      formatTime(each.created_at),
      formatTime(each.last_seen_at),
      each.address,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** `2026-11-23 21:19Z` */
function formatTime(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")}Z`;
}
