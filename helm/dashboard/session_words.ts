// What the pages about sessions say, so that a person need not know what a session is made of.
import { readDeviceName } from "@hivematrix/lib/device_name";
import type { ListedSession, SessionList } from "../control/core_sessions.ts";
import { countOf } from "../control/count_of.ts";
import type { EndTarget } from "./end_sessions.ts";
import type { Notice } from "./notices.ts";
import type { ListPlace } from "./session_links.ts";
import type { SessionPage } from "./session_list.ts";

/** What the list shows: `3 sessions of 2 people. Who was active last comes first.` */
export function describeList(
  { sessionCount, personCount }: SessionPage,
  { isTruncated, sessions }: SessionList,
  { search, person }: ListPlace,
): string {
  const isMineAlone = sessionCount === 1 && sessions[0]?.current === true;
  if (isMineAlone && search === "" && person === undefined) {
    return "Nobody is signed in but you, here.";
  }
  const what = `${countOf(sessionCount, "session")} of ${countOf(personCount, "person", "people")}`;
  const matching = search === "" ? "" : ` matching “${search}”`;
  const order = personCount > 1 ? " Who was active last comes first." : "";
  return `${isTruncated ? "The last used " : ""}${what}${matching}.${order}`;
}

/** `the session of ada`, `all sessions of ada`; without a name when Core lists none any more. */
export function describeTarget({ id }: EndTarget, { sessions }: SessionList): string {
  const which = id === undefined ? "all sessions" : "the session";
  const [first] = sessions;
  return first === undefined ? which : `${which} of ${userOf(first)}`;
}

/** What to say when it is done. */
export function describeEnd(target: EndTarget, hit: SessionList, ended: number): Notice {
  const [first] = hit.sessions;
  const person = first === undefined ? "" : ` of ${userOf(first)}`;
  if (ended === 0) {
    const text = `No session${person} was left to end: every part of the platform knows that it is over.`;
    return { kind: "info", text };
  }
  if (target.id === undefined) {
    return { kind: "success", text: `Ended ${countOf(ended, "session")}${person}.` };
  }
  const device = first === undefined ? "" : `: ${describeDevice(first)}`;
  return { kind: "success", text: `Ended the session${person}${device}.` };
}

function describeDevice({ user_agent, address }: ListedSession): string {
  return `${readDeviceName(user_agent)}, ${address || "unknown address"}`;
}

export function userOf({ preferred_username, name, sub }: ListedSession): string {
  return preferred_username || name || sub;
}
