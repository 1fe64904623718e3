// The JSON twins of the pages about sessions.
import type { UserContext } from "@hivematrix/lib/auth";
import type { Handler } from "@hivematrix/lib/router";
import { type AskCore, askCoreAsUser } from "../control/ask_core.ts";
import { listSessions } from "../control/core_sessions.ts";
import type { Platform } from "../control/platform.ts";
import { type EndTarget, endAndNote, findHit, readEndTarget } from "./end_sessions.ts";
import { readPlace } from "./session_links.ts";
import { asHttpError } from "./session_trouble.ts";

type PlatformConfig = Pick<Platform, "config">;

const noStore = { "cache-control": "no-store" };

/** GET /api/sessions?q=: as Core lists them, `truncated` when there are more. */
export function listAllSessions(platform: PlatformConfig): Handler<UserContext> {
  return async (_request, { url, caller }) => {
    const ask = askCoreAsUser(platform.config, caller.token);
    const { search } = readPlace(url.searchParams);
    const { sessions, isTruncated } = await withHttpErrors(() => listSessions(ask, search));
    return Response.json({ sessions, truncated: isTruncated }, { headers: noStore });
  };
}

/**
 * DELETE /api/sessions/:id and DELETE /api/sessions?sub=: how many were ended. Whoever ends the
 * session that they come with through Nexus gets no answer: it is cut with the session.
 */
export function endThroughApi(platform: PlatformConfig): Handler<UserContext> {
  return async (_request, context) => {
    const ask = askCoreAsUser(platform.config, context.caller.token);
    const { id, sub = context.url.searchParams.get("sub") ?? "" } = context.params;
    const fields = id === undefined ? { sub } : { id };
    const target = readEndTarget(new URLSearchParams(fields));
    const ended = await withHttpErrors(() => end(ask, target, context));
    return Response.json({ ended }, { headers: noStore });
  };
}

async function end(ask: AskCore, target: EndTarget, context: UserContext): Promise<number> {
  return await endAndNote(ask, target, await findHit(ask, target), context);
}

async function withHttpErrors<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asHttpError(error);
  }
}
