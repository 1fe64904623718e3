// /sessions: where somebody is signed in, and the end of any of it (R11).
import { readDeviceName } from "@hivematrix/lib/device_name";
import { HttpError } from "@hivematrix/lib/http_error";
import { redirect } from "@hivematrix/lib/responses";
import type { CoreClient, SessionSummary } from "./core_client.ts";
import type { SessionHandler } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import type { Session } from "./session_check.ts";

export interface SessionsPageParts {
  readonly core: CoreClient;
  readonly pages: Pages;
  /** Makes one of Nexus's own pages an answer, side panel and all. */
  readonly compose: (page: string, session: Session) => Response;
}

/** GET /sessions shows them; POST /sessions?end=<id> or ?end=others ends some and comes back. */
export function sessionsPage({ core, pages, compose }: SessionsPageParts): SessionHandler {
  return async ({ method, parameters, log, address }, session) => {
    if (method !== "POST") {
      const listed = await core.listSessions(session.token);
      // One's own first: it is what the others are compared with.
      const sessions = listed.map(describe).sort((a, b) => Number(b.current) - Number(a.current));
      const ended = parameters.get("ended");
      const page = pages.render("sessions", {
        sessions,
        ended: ended === null ? undefined : describeEnd(Number(ended)),
        has_others: sessions.length > 1,
      });
      return compose(page, session);
    }
    const which = parameters.get("end") ?? "";
    if (which !== "others" && !/^[0-9a-f]{64}$/.test(which)) {
      throw new HttpError(400, `Cannot end a session: "${which.slice(0, 80)}" is none`);
    }
    const ended = await core.endSessions(session.token, which);
    log.info("sessions ended by their owner", { sub: session.user.sub, ended, address });
    return redirect(`/sessions?ended=${ended}`);
  };
}

function describe(summary: SessionSummary) {
  return {
    id: summary.id,
    device: readDeviceName(summary.user_agent),
    address: summary.address || "unknown address",
    since: formatTime(summary.created_at),
    last_seen: formatTime(summary.last_seen_at),
    current: summary.current,
  };
}

/** `23 Nov 2026, 21:19 UTC` */
function formatTime(iso: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: "UTC",
  });
  return `${format.format(new Date(iso))} UTC`;
}

function describeEnd(count: number): string {
  if (count === 1) return "One session was ended.";
  return count > 1 ? `${count} sessions were ended.` : "There was no session left to end.";
}
