// The end of one session or of all of a person's, after a page that says whom it hits (R11).
import type { UserContext } from "@hivematrix/lib/auth";
import { readForm } from "@hivematrix/lib/request_body";
import { html, redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { type AskCore, askCoreAsUser } from "../control/ask_core.ts";
import type { ListedSession, SessionList } from "../control/core_sessions.ts";
import { countOf } from "../control/count_of.ts";
import { type EndTarget, endAndNote, findHit, readEndTarget } from "./end_sessions.ts";
import { navigation } from "./navigation.ts";
import { hiddenFields, listLink, readPlace } from "./session_links.ts";
import { sessionRow } from "./session_list.ts";
import type { SessionPagesParts } from "./session_pages.ts";
import { explainEndTrouble, explainListTrouble } from "./session_trouble.ts";
import { describeEnd, userOf } from "./session_words.ts";

/** GET /sessions/end?sub=&id=: says whom it would hit, and asks. */
export function confirmEnd({ platform, views, notices }: SessionPagesParts): Handler<UserContext> {
  return async (_request, { url, link, caller }) => {
    const place = readPlace(url.searchParams);
    const target = readEndTarget(url.searchParams);
    const ask = askCoreAsUser(platform.config, caller.token);
    const hit = await findHit(ask, target).catch((error: unknown) =>
      explainListTrouble(error, { views, link, place }),
    );
    if (hit instanceof Response) return hit;
    const [first] = hit.sessions;
    if (first === undefined) {
      const notice = describeEnd(target, hit, 0);
      return redirect(listLink(link, place, notices.keep(caller.user.sub, notice)));
    }
    const page = {
      navigation: navigation(link, "/sessions"),
      ...describeHit(first, hit),
      end_url: link("/sessions/end"),
      fields: hiddenFields(target, place),
      back_url: listLink(link, place),
    };
    return html(views.render("end_sessions", page));
  };
}

/** POST /sessions/end with the same fields: ends them, and leads back to the list. */
export function endFromPage({ platform, views, notices }: SessionPagesParts): Handler<UserContext> {
  return async (request, context) => {
    const { link, caller } = context;
    const form = await readForm(request);
    const place = readPlace(form);
    const target = readEndTarget(form);
    const ask = askCoreAsUser(platform.config, caller.token);
    let hit: SessionList | undefined;
    try {
      hit = await findHit(ask, target);
      if (hitsOwn(hit) && isBehindNexus(request)) {
        return await endBySigningOut(ask, target, hit, context);
      }
      const ended = await endAndNote(ask, target, hit, context);
      const notice = describeEnd(target, hit, ended);
      return redirect(listLink(link, place, notices.keep(caller.user.sub, notice)));
    } catch (error) {
      return explainEndTrouble(error, target, hit, { views, link, place });
    }
  };
}

/**
 * Nexus cuts whatever is under way for a session when that ends, and the answer to this form would
 * be among it. So the administrator's own session ends last, and where the answer is Nexus's own.
 */
async function endBySigningOut(
  ask: AskCore,
  target: EndTarget,
  hit: SessionList,
  context: UserContext,
): Promise<Response> {
  if (target.id === undefined) {
    await endAndNote(ask, { ...target, keepsCurrent: true }, hit, context);
  }
  context.log.info("own session ends by signing out", {
    by: context.caller.user.preferred_username,
  });
  return redirect("/logout");
}

function hitsOwn({ sessions }: SessionList): boolean {
  return sessions.some(({ current }) => current);
}

/** At Helm's own port, where a program has come with its token, there is no /logout. */
function isBehindNexus({ headers }: Request): boolean {
  return headers.has("x-forwarded-prefix");
}

/** How many sessions the question names one by one. */
const namedSessions = 10;

function describeHit(first: ListedSession, hit: SessionList): object {
  const { sessions, isTruncated } = hit;
  const all = isTruncated ? "all sessions" : `all ${sessions.length} sessions`;
  const others = sessions.length - namedSessions;
  const isOne = sessions.length === 1;
  const now = Date.now();
  return {
    user: userOf(first),
    name: first.name,
    sub: first.sub,
    level: first.permission_level,
    what: isOne ? "this session" : all,
    button: isOne ? "End the session" : `End ${all}`,
    is_one: isOne,
    sessions: sessions
      .slice(0, namedSessions)
      .map((session) => sessionRow(session, first.permission_level, now)),
    others: others > 0 && `${isTruncated ? "at least " : ""}${countOf(others, "more session")}`,
    hits_own: hitsOwn(hit),
  };
}
