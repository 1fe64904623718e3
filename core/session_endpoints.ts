// Sessions to see and to end: one's own, and everybody's for administrators and Helm.
import { HttpError } from "@hivematrix/lib/http_error";
import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";
import { createSessionCallers, type SessionCaller } from "./session_caller.ts";
import type { EndedSession, ListedSession } from "./session_store.ts";
import { formatTime } from "./times.ts";

type SessionCore = Pick<Core, "credentials" | "sessions" | "tokens" | "endSessions">;

/** One page has room for no more, and a person with more has another problem. */
const maxListed = 1000;

const noStore = { "cache-control": "no-store" };

/**
 * GET /api/sessions: the caller's live sessions; with `?sub=…` somebody's or with `?all=1`
 * everybody's, `&search=…` only those of people who are called so.
 *
 * @throws {HttpError} 401 without a caller, 403 for others' sessions without the right, 400 for a
 *   search that nothing can match
 */
export function listSessions(core: SessionCore): Handler {
  const requireCaller = createSessionCallers(core);
  return async (request, { url }) => {
    const caller = await requireCaller(request);
    const isForAll = url.searchParams.get("all") === "1";
    const sub = isForAll ? undefined : readSub(url, caller);
    if (isForAll) requireRight(caller);
    const search = isForAll ? readSearch(url) : undefined;
    const listed = await core.sessions.list(sub, maxListed + 1, search);
    const sessions = listed.slice(0, maxListed).map((session) => describe(session, caller));
    const truncated = listed.length > maxListed ? { truncated: true } : {};
    return Response.json({ sessions, ...truncated }, { headers: noStore });
  };
}

/**
 * DELETE /api/sessions/:id: ends one session. Somebody else's is answered like one that never was,
 * so that nobody learns which there are.
 *
 * @throws {HttpError} 401 without a caller, 404 without such a session, 503 as every end
 */
export function endSession(core: SessionCore): Handler {
  const requireCaller = createSessionCallers(core);
  return async (request, { params, log }) => {
    const caller = await requireCaller(request);
    const { id = "" } = params;
    const sub = caller.mayActForAll ? undefined : caller.sub;
    const ended = /^[0-9a-f]{64}$/.test(id)
      ? await core.endSessions({ hash: id, sub }, { reason: describeReason(caller), log })
      : [];
    if (ended.length === 0) throw new HttpError(404, "There is no such session");
    return Response.json({ ended: countLive(ended) }, { headers: noStore });
  };
}

/**
 * DELETE /api/sessions: ends all sessions of the caller, or with `?sub=…` somebody's; with
 * `?except=current` all but the one that the caller came with.
 *
 * @throws {HttpError} 401 without a caller, 403 for others' sessions without the right, 503 as
 *   every end
 */
export function endAllSessions(core: SessionCore): Handler {
  const requireCaller = createSessionCallers(core);
  return async (request, { url, log }) => {
    const caller = await requireCaller(request);
    const sub = readSub(url, caller);
    const keepsCurrent = url.searchParams.get("except") === "current";
    const except = keepsCurrent && caller.currentHash ? [caller.currentHash] : [];
    const ended = await core.endSessions({ sub, except }, { reason: describeReason(caller), log });
    return Response.json({ ended: countLive(ended) }, { headers: noStore });
  };
}

/** Those that were over before are announced once more, but not ended by this. */
function countLive(ended: readonly EndedSession[]): number {
  return ended.filter(({ wasLive }) => wasLive).length;
}

/** Whose sessions are meant. @throws {HttpError} 400 for Helm without a name, 403 for others' */
function readSub(url: URL, caller: SessionCaller): string {
  const sub = url.searchParams.get("sub") ?? caller.sub;
  if (!sub || sub.includes("\u0000")) {
    throw new HttpError(400, 'Cannot tell whose sessions are meant: "sub" is missing in the query');
  }
  if (sub !== caller.sub) requireRight(caller);
  return sub;
}

/** What the names of the people meant have in them. @throws {HttpError} 400 for what no text has */
function readSearch(url: URL): string | undefined {
  const search = url.searchParams.get("search")?.trim() || undefined;
  if (search?.includes("\u0000")) {
    throw new HttpError(400, 'Cannot search sessions: "search" has a null character in it');
  }
  return search;
}

function requireRight(caller: SessionCaller): void {
  if (caller.mayActForAll) return;
  throw new HttpError(403, "Other people's sessions are for administrators");
}

function describeReason({ sub }: SessionCaller): string {
  return sub === undefined ? "ended through helm" : `ended by ${sub}`;
}

function describe(session: ListedSession, caller: SessionCaller) {
  const { hash, user, device } = session;
  return {
    id: hash,
    sub: user.sub,
    name: user.name,
    preferred_username: user.preferred_username,
    permission_level: user.permission_level,
    created_at: formatTime(session.createdAtSeconds),
    last_seen_at: formatTime(session.lastSeenAtSeconds),
    expires_at: formatTime(session.expiresAtSeconds),
    user_agent: device.userAgent ?? "",
    address: device.address ?? "",
    current: hash === caller.currentHash,
  };
}
