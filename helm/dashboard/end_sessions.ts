import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { type AskCore, CoreError } from "../control/ask_core.ts";
import {
  endSession,
  endSessionsOf,
  listSessions,
  listSessionsOf,
  type SessionList,
} from "../control/core_sessions.ts";

/** One session, or without `id` all of a person. */
export interface EndTarget {
  /** Whose. A program that ends one session need not know. */
  readonly sub?: string | undefined;
  readonly id?: string | undefined;
  /** Of all, the one that the administrator uses goes on. */
  readonly keepsCurrent?: boolean;
}

/** @throws {HttpError} 400 when it names nobody's session, or an ID that none can have */
export function readEndTarget(fields: URLSearchParams): EndTarget {
  const sub = fields.get("sub") || undefined;
  const id = fields.get("id") || undefined;
  if (id !== undefined && !/^[0-9a-f]{64}$/.test(id)) {
    throw new HttpError(
      400,
      `Cannot end the session "${id.slice(0, 80)}": that is no session's ID`,
    );
  }
  if (sub === undefined && id === undefined) {
    throw new HttpError(400, 'Cannot end sessions: neither "sub" nor "id" says whose');
  }
  return { sub, id };
}

/** The live sessions that an end would hit. @throws {CoreError} */
export async function findHit(ask: AskCore, { sub, id }: EndTarget): Promise<SessionList> {
  const list = await (sub === undefined ? listSessions(ask) : listSessionsOf(ask, sub));
  if (id === undefined) return list;
  const sessions = list.sessions.filter((session) => session.id === id);
  return { sessions, isTruncated: false };
}

/**
 * Ends what is meant, and notes who did it to whom.
 *
 * @param hit what findHit found, for the log; an end is repeated also when nothing is listed any more
 * @returns how many were ended
 * @throws {CoreError}
 */
export async function endAndNote(
  ask: AskCore,
  target: EndTarget,
  hit: SessionList,
  { log, caller }: Pick<UserContext, "log" | "caller">,
): Promise<number> {
  const { sub, id, keepsCurrent = false } = target;
  const [first] = hit.sessions;
  const noted = {
    by: caller.user.preferred_username,
    of: first?.preferred_username,
    of_sub: first?.sub ?? (id === undefined ? sub : undefined),
    // The same 16 digits as in Core's log.
    session: id?.slice(0, 16) ?? (keepsCurrent ? "all others" : "all"),
  };
  try {
    const ended =
      id === undefined
        ? await endSessionsOf(ask, "end the sessions", sub ?? "", { keepsCurrent })
        : await endSession(ask, "end the session", id);
    log.info("sessions ended", { ...noted, ended });
    return ended;
  } catch (error) {
    noteFailure(log, noted, error);
    throw error;
  }
}

function noteFailure(log: Log, noted: object, error: unknown): void {
  const isUncertain = error instanceof CoreError && error.mayHaveActed;
  const message = isUncertain ? "sessions perhaps not ended" : "sessions not ended";
  log.warn(message, { ...noted, error });
}
