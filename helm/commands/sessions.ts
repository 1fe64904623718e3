import { readDeviceName } from "@hivematrix/lib/device_name";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig } from "../config/master_config.ts";
import { type AskCore, askCoreAsHelm, CoreError } from "../control/ask_core.ts";
import * as core from "../control/core_sessions.ts";
import { formatAgo, formatAhead } from "../control/figures.ts";
import { print } from "./output.ts";
import { formatTable } from "./table.ts";

type ListedSession = core.ListedSession;

/** `helm sessions list [person]`: who is signed in, and from where. */
export async function listSessions(
  checkout: Checkout,
  person: string | undefined,
  { isJson }: { isJson: boolean },
): Promise<void> {
  const { sessions, isTruncated } = await core.listSessions(await connect(checkout), person);
  if (isTruncated) {
    // Not among the output, which a program may read.
    process.stderr.write(
      `These are the ${sessions.length} sessions used last; name a person to see theirs.\n`,
    );
  }
  if (isJson) return print(JSON.stringify(sessions, null, 2));
  if (sessions.length > 0) return print(sessionsTable(sessions));
  print(person === undefined ? "Nobody is signed in." : `Nobody called "${person}" is signed in.`);
}

/**
 * `helm sessions revoke <id>`: ends one; the first characters of its ID are enough.
 *
 * @throws {Error} when none was ended
 */
export async function revokeSession(checkout: Checkout, given: string): Promise<void> {
  const askCore = await connect(checkout);
  const id = given.toLowerCase();
  const { sessions, isTruncated } = await core.listSessions(askCore);
  const found = sessions.filter((session) => session.id.startsWith(id));
  const action = `end session ${given}`;
  if (found.length > 1) {
    throw new Error(`Cannot ${action}: ${found.length} sessions begin so, give more of the ID`);
  }
  const [session] = found;
  const isWhole = id.length === 64;
  // A whole one is asked for in any case: it may be one that is not listed.
  if (session === undefined && !isWhole) {
    const hint = isTruncated
      ? 'among those used last no ID begins so; "helm sessions list <person> --json" has whole ones'
      : 'no live session\'s ID begins so, see "helm sessions list"';
    throw new Error(`Cannot ${action}: ${hint}`);
  }
  const whole = session?.id ?? id;
  const repeat = `helm sessions revoke ${whole}`;
  const ended = await explain(() => core.endSession(askCore, action, whole), action, repeat);
  if (ended === 0) throw new Error(`Cannot ${action}: it is over already, or there was none`);
  print(`Ended the session${session === undefined ? "" : ` of ${describePerson(session)}`}.`);
}

/**
 * `helm sessions revoke-all <user>`: signs somebody out everywhere.
 *
 * @param user a user name, or the `sub` of one
 * @throws {Error} when nothing was ended
 */
export async function revokeAllSessions(checkout: Checkout, user: string): Promise<void> {
  const askCore = await connect(checkout);
  const action = `end the sessions of "${user}"`;
  const sub = findSub(action, user, await core.listSessions(askCore, user));
  // Also of somebody who is not listed: when an end could not be confirmed, this repeats it.
  const meant = sub ?? user;
  const repeat = `helm sessions revoke-all ${meant}`;
  const ended = await explain(() => core.endSessionsOf(askCore, action, meant), action, repeat);
  if (ended === 0) {
    throw new Error(`Cannot ${action}: nobody with this user name or ID is signed in`);
  }
  print(`Ended ${ended === 1 ? "1 session" : `${ended} sessions`} of ${user}.`);
}

async function connect(checkout: Checkout): Promise<AskCore> {
  return askCoreAsHelm(await loadMasterConfig(checkout));
}

/** @returns `undefined` when nobody is signed in under that name, nor one that is like it */
function findSub(action: string, user: string, { sessions }: core.SessionList): string | undefined {
  const wanted = user.toLowerCase();
  const isMeant = ({ sub, preferred_username: name }: ListedSession) =>
    sub === user || name.toLowerCase() === wanted;
  const subs = [...new Set(sessions.filter(isMeant).map(({ sub }) => sub))];
  if (subs.length > 1) {
    throw new Error(
      `Cannot ${action}: ${subs.length} accounts are called so, name one by its ID: ${subs.join(", ")}`,
    );
  }
  const others = [...new Set(sessions.map(({ preferred_username: name }) => name))];
  if (subs.length === 0 && others.length > 0) {
    const known = others.slice(0, 10).join(", ");
    throw new Error(`Cannot ${action}: this is no user's whole name; signed in like it: ${known}`);
  }
  return subs[0];
}

/** An end that may be half done must not read as if nothing had happened. */
async function explain<T>(act: () => Promise<T>, action: string, repeat: string): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof CoreError && error.mayHaveActed)) throw error;
    const message = `Cannot ${action} for certain: ${error.reason}; to repeat "${repeat}" does no harm`;
    throw new Error(message, { cause: error });
  }
}

function describePerson({ preferred_username: name, user_agent, address }: ListedSession): string {
  return `${name}: ${readDeviceName(user_agent)}, ${address || "unknown address"}`;
}

function sessionsTable(sessions: readonly ListedSession[], now = Date.now()): string {
  const secondsSince = (iso: string) => (now - Date.parse(iso)) / 1000;
  const columns = ["id", "user", "level", "device", "address", "signed in", "last used", "ends"];
  const rows = sessions.map((session) => ({
    cells: [
      session.id.slice(0, 12),
      session.preferred_username,
      session.permission_level,
      readDeviceName(session.user_agent),
      session.address || "-",
      formatAgo(secondsSince(session.created_at)),
      formatAgo(secondsSince(session.last_seen_at)),
      formatAhead(-secondsSince(session.expires_at)),
    ],
  }));
  return formatTable(columns, rows);
}
