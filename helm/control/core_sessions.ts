// Everybody's sessions, as Core lists and ends them: for the dashboard and the command line.
import { type AskCore, CoreError } from "./ask_core.ts";

/** One live session; times are ISO 8601. */
export interface ListedSession {
  /** The hash of its id, which opens nothing. */
  readonly id: string;
  readonly sub: string;
  readonly name: string;
  readonly preferred_username: string;
  readonly permission_level: string;
  readonly created_at: string;
  readonly last_seen_at: string;
  readonly expires_at: string;
  readonly user_agent: string;
  readonly address: string;
  /** The one that the question was asked with. */
  readonly current: boolean;
}

/** The sessions used last come first. */
export interface SessionList {
  readonly sessions: readonly ListedSession[];
  /** There are more than Core lists. */
  readonly isTruncated: boolean;
}

/** @param search a part of the name, user name or e-mail address, or a whole `sub` */
export async function listSessions(ask: AskCore, search = ""): Promise<SessionList> {
  const query = search === "" ? "" : `&search=${encodeURIComponent(search)}`;
  return readList(await ask("list sessions", "GET", `/api/sessions?all=1${query}`));
}

export async function listSessionsOf(ask: AskCore, sub: string): Promise<SessionList> {
  const path = `/api/sessions?sub=${encodeURIComponent(sub)}`;
  return readList(await ask("list sessions", "GET", path));
}

/** @returns how many were ended: none when it was over before */
export async function endSession(ask: AskCore, action: string, id: string): Promise<number> {
  try {
    return readCount(await ask(action, "DELETE", `/api/sessions/${encodeURIComponent(id)}`));
  } catch (error) {
    if (error instanceof CoreError && error.status === 404) return 0;
    throw error;
  }
}

/**
 * @param options.keepsCurrent all but the one that the question is asked with
 * @returns how many were ended
 */
export async function endSessionsOf(
  ask: AskCore,
  action: string,
  sub: string,
  { keepsCurrent = false } = {},
): Promise<number> {
  const except = keepsCurrent ? "&except=current" : "";
  const path = `/api/sessions?sub=${encodeURIComponent(sub)}${except}`;
  return readCount(await ask(action, "DELETE", path));
}

function readList({ sessions, truncated }: Record<string, unknown>): SessionList {
  const listed = Array.isArray(sessions) ? (sessions as ListedSession[]) : [];
  return { sessions: listed, isTruncated: truncated === true };
}

function readCount({ ended }: Record<string, unknown>): number {
  return typeof ended === "number" ? ended : 0;
}
