/** Seconds, as Keycloak has them by default. */
export const lifetimes = {
  token: 5 * 60,
  /** For the admin API: a new one takes Helm a moment. */
  adminToken: 60,
  /** From sign-in to the next time the password is asked for, however busy the session is. */
  session: 10 * 3600,
  /** How long ago a sign-in may be for the password to be changed without another one. */
  freshLogin: 5 * 60,
  /** An open sign-in page. */
  attempt: 30 * 60,
};
