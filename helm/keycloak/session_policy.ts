// When a person is asked to sign in, for how long that lasts, and what the session is good for.
import { type Grant, interactionPolicy, type KoaContextWithOIDC } from "oidc-provider";
import { lifetimes } from "./lifetimes.ts";

/** All that the platform's own client may ask for. */
export const scopes = ["openid", "profile", "email", "groups"];

/** The platform's own client needs nobody's consent: the session has one grant, and it is for all. */
export async function loadGrant({ oidc }: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { provider, session, client, account } = oidc;
  if (session === undefined || client === undefined || account === undefined) return undefined;
  const { accountId } = account;
  // Not a random id: tabs that sign in at the same moment must not take each other's grant away, for
  // a code is worth nothing once its session has another grant.
  const jti = `${session.uid}.${accountId}`;
  const existing = await provider.Grant.find(jti);
  if (existing !== undefined) return existing;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.jti = jti;
  grant.addOIDCScope(scopes.join(" "));
  await grant.save();
  return grant;
}

/**
 * The login prompt, which is also shown when a session's user was disabled or deleted, and after it
 * the one for a new password.
 */
export function signInPolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  policy.remove("consent");
  const login = policy.get("login");
  login?.checks.add(
    new interactionPolicy.Check(
      "account_unavailable",
      "the user of this session may not sign in any more",
      ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
    ),
  );
  login?.checks.add(
    new interactionPolicy.Check(
      "password_change_needs_login",
      "only whoever has just signed in may choose a password",
      (context) =>
        needsNewPassword(context) &&
        context.oidc.session?.past(lifetimes.freshLogin) === true &&
        context.oidc.result?.login === undefined,
    ),
  );
  policy.add(
    new interactionPolicy.Prompt(
      { name: "update_password" },
      new interactionPolicy.Check(
        "password_change",
        "the user has to choose a new password",
        needsNewPassword,
      ),
    ),
  );
  return policy;
}

/** Somebody else has set the password, or the application asked for the page and nobody saw it yet. */
function needsNewPassword({ oidc }: KoaContextWithOIDC): boolean {
  if (oidc.account?.["mustChangePassword"] === true) return true;
  return isAskedFor(oidc.params ?? {}) && oidc.result?.["update_password"] === undefined;
}

/** Whether the application asked for a new password (Keycloak's application-initiated actions). */
export function isAskedFor(params: Readonly<Record<string, unknown>>): boolean {
  return params["kc_action"] === "UPDATE_PASSWORD";
}

/** Ten hours from the sign-in on, however often the session is saved meanwhile. */
export function remainingSessionSeconds(
  _context: unknown,
  { loginTs }: { loginTs?: number | undefined },
): number {
  if (loginTs === undefined) return lifetimes.attempt;
  return Math.max(1, loginTs + lifetimes.session - Math.floor(Date.now() / 1000));
}
