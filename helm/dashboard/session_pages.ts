// Everybody's sessions, for administrators (R11): a list by person. Core is asked with the
// administrator's own token, so it is Core that judges, and a session that has ended sees nothing.
import type { UserContext } from "@hivematrix/lib/auth";
import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import type { Views } from "@hivematrix/lib/views";
import { askCoreAsUser } from "../control/ask_core.ts";
import { listSessions, listSessionsOf } from "../control/core_sessions.ts";
import { countOf } from "../control/count_of.ts";
import type { Platform } from "../control/platform.ts";
import { navigation } from "./navigation.ts";
import type { Notices } from "./notices.ts";
import { endLink, type ListPlace, listLink, readPlace } from "./session_links.ts";
import { type PersonRow, pageSessions } from "./session_list.ts";
import { explainListTrouble } from "./session_trouble.ts";
import { describeList } from "./session_words.ts";
import { userLink } from "./user_links.ts";

export interface SessionPagesParts {
  readonly platform: Pick<Platform, "config">;
  readonly views: Views;
  readonly notices: Notices;
}

/** GET /sessions?q=&person=&page=: who is signed in, by person, whoever was active last first. */
export function showSessions({
  platform,
  views,
  notices,
}: SessionPagesParts): Handler<UserContext> {
  return async (_request, { url, link, caller }) => {
    const place = readPlace(url.searchParams);
    const ask = askCoreAsUser(platform.config, caller.token);
    const { person, search } = place;
    const asked = person === undefined ? listSessions(ask, search) : listSessionsOf(ask, person);
    const list = await asked.catch((error: unknown) =>
      explainListTrouble(error, { views, link, place }),
    );
    if (list instanceof Response) return list;
    const shown = pageSessions(list, place, Date.now());
    const here = { ...place, page: shown.page };
    const pageLink = (page: number) => listLink(link, { ...place, page });
    return html(
      views.render("sessions", {
        navigation: navigation(link, "/sessions"),
        sessions_url: link("/sessions"),
        search,
        is_narrowed: search !== "" || person !== undefined,
        notice: notices.find(caller.user.sub, url.searchParams.get("notice")),
        summary: describeList(shown, list, place),
        is_truncated: list.isTruncated,
        is_empty: shown.sessionCount === 0,
        people: shown.people.map((person, index) => withLinks(person, index, link, here)),
        paging: shown.pageCount > 1 && {
          page: shown.page,
          page_count: shown.pageCount,
          previous_url: shown.page > 1 && pageLink(shown.page - 1),
          next_url: shown.page < shown.pageCount && pageLink(shown.page + 1),
        },
      }),
    );
  };
}

function withLinks(
  person: PersonRow,
  index: number,
  link: UserContext["link"],
  place: ListPlace,
): object {
  const { sub, count, sessions } = person;
  const alone = { search: "", person: sub, page: 1 };
  return {
    ...person,
    heading_id: `person-${index + 1}`,
    has_several: count > 1,
    count_text: countOf(count, "session"),
    account_url: userLink(link, sub),
    end_all_url: endLink(link, { sub }, place),
    all_url: place.person === undefined && sessions.length < count && listLink(link, alone),
    sessions: sessions.map((session) => ({
      ...session,
      end_url: endLink(link, { sub, id: session.id }, place),
    })),
  };
}
