import { readDeviceName } from "@hivematrix/lib/device_name";
import type { ListedSession, SessionList } from "../control/core_sessions.ts";
import { formatAgo, formatAhead, formatTime } from "../control/figures.ts";
import type { ListPlace } from "./session_links.ts";

const peoplePerPage = 20;
/** Of each person, unless the page is about one alone: the next person has to be in sight. */
const sessionsPerPerson = 5;
const sessionsPerPage = 50;

/** One session as the dashboard shows it. */
export interface SessionRow {
  readonly id: string;
  readonly device: string;
  readonly address: string;
  readonly created: ShownTime;
  readonly last_seen: ShownTime;
  readonly expires: ShownTime;
  /** The one that the page was asked for with. */
  readonly current: boolean;
  /** What it may do, where that differs from the person's newest session. */
  readonly other_level: string | undefined;
}

/** From now, and by the clock for those who compare it with a log. */
export interface ShownTime {
  readonly iso: string;
  readonly text: string;
  readonly exact: string;
}

/** A person with those of their sessions that stand on the page. */
export interface PersonRow {
  readonly sub: string;
  readonly name: string;
  readonly username: string;
  readonly level: string;
  /** Of all their sessions in the list. */
  readonly count: number;
  readonly sessions: readonly SessionRow[];
}

export interface SessionPage {
  readonly people: readonly PersonRow[];
  readonly sessionCount: number;
  readonly personCount: number;
  readonly page: number;
  readonly pageCount: number;
}

/**
 * One page of the list by person, whoever was active last first. Of many people it has the first
 * sessions of each, of one person all.
 *
 * @param page from 1; for one that is not there, the nearest that is
 */
export function pageSessions(
  { sessions }: SessionList,
  { person, page }: Pick<ListPlace, "person" | "page">,
  now: number,
): SessionPage {
  const people = groupByPerson(sessions);
  const isOfOne = person !== undefined;
  const pageCount = isOfOne
    ? Math.ceil(sessions.length / sessionsPerPage)
    : Math.ceil(people.length / peoplePerPage);
  const shownPage = Math.max(1, Math.min(Math.trunc(page) || 1, pageCount));
  const start = (size: number) => (shownPage - 1) * size;
  const shown = isOfOne
    ? people.map((all) => ({ all, part: slice(all, start(sessionsPerPage), sessionsPerPage) }))
    : slice(people, start(peoplePerPage), peoplePerPage).map((all) => ({
        all,
        part: slice(all, 0, sessionsPerPerson),
      }));
  return {
    people: shown.map(({ all, part }) => personRow(all, part, now)),
    sessionCount: sessions.length,
    personCount: people.length,
    page: shownPage,
    pageCount: Math.max(1, pageCount),
  };
}

function slice<T>(all: readonly T[], start: number, size: number): readonly T[] {
  return all.slice(start, start + size);
}

/**
 * Core lists the session used last first, so people come in that order too, and so do theirs; but
 * one's own begins, for Core notes a use only now and then.
 */
function groupByPerson(sessions: readonly ListedSession[]): readonly ListedSession[][] {
  const groups = new Map<string, ListedSession[]>();
  for (const session of sessions) {
    const group = groups.get(session.sub);
    if (group === undefined) groups.set(session.sub, [session]);
    else if (session.current) group.unshift(session);
    else group.push(session);
  }
  return [...groups.values()];
}

function personRow(
  all: readonly ListedSession[],
  part: readonly ListedSession[],
  now: number,
): PersonRow {
  // A name or a level that has changed since is that of the newest sign-in.
  const [newest] = all.toSorted((a, b) => b.created_at.localeCompare(a.created_at));
  const level = newest?.permission_level ?? "";
  return {
    sub: newest?.sub ?? "",
    name: newest?.name || newest?.preferred_username || "",
    username: newest?.preferred_username ?? "",
    level,
    count: all.length,
    sessions: part.map((session) => sessionRow(session, level, now)),
  };
}

/** @param level of the person's newest session */
export function sessionRow(session: ListedSession, level: string, now: number): SessionRow {
  const { permission_level: ownLevel, created_at, last_seen_at, expires_at } = session;
  const secondsSince = (iso: string) => (now - Date.parse(iso)) / 1000;
  return {
    id: session.id,
    device: readDeviceName(session.user_agent),
    address: session.address || "unknown address",
    created: shownTime(created_at, formatAgo(secondsSince(created_at))),
    last_seen: shownTime(last_seen_at, formatAgo(secondsSince(last_seen_at))),
    expires: shownTime(expires_at, formatAhead(-secondsSince(expires_at))),
    current: session.current,
    other_level: ownLevel === level ? undefined : ownLevel,
  };
}

function shownTime(iso: string, text: string): ShownTime {
  return { iso, text, exact: formatTime(new Date(iso)) };
}
