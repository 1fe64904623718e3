import type { IdentityAdmin, IdentityUser } from "../keycloak/admin_client.ts";
import { PeopleError } from "./people_error.ts";

/** Whoever is in it may open the dashboard (contract §3). */
export const adminGroup = "admins";

/**
 * Keeps an installation from losing its last administrator by one click.
 *
 * @param action for the message: `disable "ada"`
 * @throws {PeopleError} 409 when nobody else could open the dashboard any more
 */
export async function requireOtherAdmin(
  admin: Pick<IdentityAdmin, "listGroups" | "listMembers">,
  action: string,
  user: Pick<IdentityUser, "id">,
): Promise<void> {
  const hasGroup = (await admin.listGroups()).some(({ name }) => name === adminGroup);
  // An external Keycloak that has not been set up yet.
  if (!hasGroup) return;
  const enabled = (await admin.listMembers(adminGroup)).filter(({ isEnabled }) => isEnabled);
  const isLast = enabled.length === 1 && enabled[0]?.id === user.id;
  if (!isLast) return;
  throw new PeopleError(
    409,
    `Cannot ${action}: this is the last enabled member of "${adminGroup}", and nobody could open the dashboard any more; add somebody else to "${adminGroup}" first, or insist on the command line with --force`,
  );
}
