import type Provider from "oidc-provider";

interface RenewedSession {
  /** The id to be replaced, while a sign-in gives the session a new one. */
  oldId?: string | undefined;
  readonly adapter: { destroy(id: string): Promise<void> };
}

/**
 * Gives a session its new id (R6) before it takes the old one away, and so keeps the session there
 * throughout. oidc-provider does it the other way round; but its tokens are good as long as their
 * session is found, so every other tab's token was refused for as long as that took, and Core
 * asks about a token at that very moment when several tabs sign in at once.
 */
export function renewSessionsInPlace({ Session }: Pick<Provider, "Session">): void {
  renewOnlyAtSignIn(Session);
  const { save } = Session.prototype;
  Session.prototype.save = async function (this: typeof Session.prototype & RenewedSession, ttl) {
    const { oldId } = this;
    // With it, save() would delete first.
    this.oldId = undefined;
    const id = await save.call(this, ttl);
    if (oldId !== undefined) await this.adapter.destroy(oldId);
    return id;
  };
}

interface SignedInSession {
  hasJustSignedIn?: boolean;
  touched?: boolean;
}

/**
 * oidc-provider gives a session a new id at the end of every attempt, also where nobody has signed in
 * anew (a password was chosen). Of several tabs that come to their end at once, the others would then
 * find their session gone.
 */
function renewOnlyAtSignIn(Session: Provider["Session"]): void {
  const { loginAccount, resetIdentifier } = Session.prototype;
  Session.prototype.loginAccount = function (
    this: typeof Session.prototype & SignedInSession,
    details,
  ) {
    // A sign-in of an earlier step comes with its time (embedded_password.ts).
    this.hasJustSignedIn = details.loginTs === undefined;
    loginAccount.call(this, details);
  };
  Session.prototype.resetIdentifier = function (this: typeof Session.prototype & SignedInSession) {
    if (this.accountId === undefined || this.hasJustSignedIn) resetIdentifier.call(this);
    // What the attempt has changed is stored all the same.
    else this.touched = true;
  };
}
