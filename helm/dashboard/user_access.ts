// Who may come to the pages about users, and what they hear when that does not work.
import type { UserContext } from "@hivematrix/lib/auth";
import type { Handler } from "@hivematrix/lib/router";
import type { Views } from "@hivematrix/lib/views";
import { askCoreAsUser } from "../control/ask_core.ts";
import { listSessionsOf } from "../control/core_sessions.ts";
import type { People } from "../control/people.ts";
import type { Platform } from "../control/platform.ts";
import type { IdentityConnection } from "./identity_connection.ts";
import type { Notices } from "./notices.ts";
import { asUserHttpError, explainUserTrouble } from "./user_trouble.ts";

export interface UserPagesParts {
  readonly platform: Pick<Platform, "config">;
  readonly connection: IdentityConnection;
  readonly views: Views;
  readonly notices: Notices;
}

export type PeopleHandler = (
  request: Request,
  context: UserContext,
  people: People,
) => Response | Promise<Response>;

/** A page: its troubles are pages too. */
export function userPage(parts: UserPagesParts, act: PeopleHandler): Handler<UserContext> {
  return async (request, context) => {
    try {
      return await act(request, context, await openPeople(parts, context));
    } catch (error) {
      return explainUserTrouble(error, request, context, parts);
    }
  };
}

/** The same for the JSON API. */
export function userEndpoint(parts: UserPagesParts, act: PeopleHandler): Handler<UserContext> {
  return async (request, context) => {
    try {
      return await act(request, context, await openPeople(parts, context));
    } catch (error) {
      throw asUserHttpError(error);
    }
  };
}

/**
 * Helm acts on users with its own power, so the token alone is not enough: Core is asked whether
 * the session behind it lives on. A former administrator's is refused at once (R9, R23), at Helm's
 * own port too, where no gateway has asked.
 */
async function openPeople(
  { platform, connection }: UserPagesParts,
  { caller }: UserContext,
): Promise<People> {
  await listSessionsOf(askCoreAsUser(platform.config, caller.token), caller.user.sub);
  return connection.peopleFor(caller);
}
