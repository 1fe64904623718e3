import { formatAgo, formatTime } from "../control/figures.ts";
import type { ListedUser } from "../control/people.ts";
import type { IdentitySession } from "../keycloak/admin_client.ts";

/** A user as the dashboard shows one. */
export function userRow(user: ListedUser) {
  const { id, username, email, firstName, lastName, groups, createdAt } = user;
  return {
    id,
    username,
    name: `${firstName} ${lastName}`.trim(),
    email,
    created: createdAt === undefined ? undefined : formatTime(createdAt),
    groups: groups.map((name) => ({ name })),
    is_enabled: user.isEnabled,
    must_change_password: user.mustChangePassword,
  };
}

/** A session at the identity provider. */
export function providerSessionRow(session: IdentitySession, now: number) {
  return {
    address: session.address || "unknown address",
    started: shownTime(session.startedAt, now),
    last_access: shownTime(session.lastAccessAt, now),
  };
}

function shownTime(time: Date, now: number) {
  const text = formatAgo((now - time.getTime()) / 1000);
  return { iso: time.toISOString(), text, exact: formatTime(time) };
}
