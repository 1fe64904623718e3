import type { UserContext } from "@hivematrix/lib/auth";
import type { SessionsEnd } from "../control/end_everywhere.ts";
import type { IdentityUser } from "../keycloak/admin_client.ts";

/** Who has changed whom (R26); never a password. */
export function noteUserChange(
  { log, caller }: Pick<UserContext, "log" | "caller">,
  action: string,
  { id, username }: Pick<IdentityUser, "id" | "username">,
  details: Partial<SessionsEnd> & object = {},
): void {
  const level = details.problem === undefined ? "info" : "warn";
  const by = caller.user.preferred_username;
  log[level]("user changed", { action, by, of: username, of_sub: id, ...details });
}
