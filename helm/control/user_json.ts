import type { ListedUser, UserDetails } from "./people.ts";

/** A user as programs read it. */
export function userAsJson(user: ListedUser) {
  return {
    id: user.id,
    username: user.username,
    email: user.email ?? null,
    first_name: user.firstName,
    last_name: user.lastName,
    enabled: user.isEnabled,
    must_change_password: user.mustChangePassword,
    created_at: user.createdAt?.toISOString() ?? null,
    groups: user.groups,
  };
}

/** The same with the identity provider's sessions. */
export function userDetailsAsJson(user: UserDetails) {
  const sessions = user.sessions.map(({ id, address, startedAt, lastAccessAt }) => ({
    id,
    address,
    started_at: startedAt.toISOString(),
    last_access_at: lastAccessAt.toISOString(),
  }));
  return { ...userAsJson(user), sessions };
}
