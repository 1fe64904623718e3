import type { IdentityAdmin, IdentityUser } from "../keycloak/admin_client.ts";
import { IdentityError } from "../keycloak/identity_error.ts";
import { type AskCore, CoreError } from "./ask_core.ts";
import { endSessionsOf } from "./core_sessions.ts";

/** What became of somebody's sessions after a change; the change itself is done in any case. */
export interface SessionsEnd {
  /** How many of the platform's sessions ended. */
  readonly ended: number;
  /** Why some may live on, in a sentence with the command that ends them. */
  readonly problem?: string;
}

export interface EndPlaces {
  readonly admin: Pick<IdentityAdmin, "logoutUser">;
  readonly askCore: AskCore;
}

/**
 * Ends the platform's sessions of a user, with `atProvider` those of the identity provider before
 * them: the other way round, a browser could begin a new session in between without a password.
 * One that cannot be ended does not keep the other from ending.
 */
export async function endEverywhere(
  { admin, askCore }: EndPlaces,
  { id, username }: Pick<IdentityUser, "id" | "username">,
  { atProvider }: { atProvider: boolean },
): Promise<SessionsEnd> {
  const providerTrouble = atProvider ? await findTrouble(() => admin.logoutUser(id)) : undefined;
  let ended = 0;
  const coreTrouble = await findTrouble(async () => {
    ended = await endSessionsOf(askCore, `end the sessions of "${username}"`, id);
  });
  const troubles = [providerTrouble, coreTrouble].filter((each) => each !== undefined);
  if (troubles.length === 0) return { ended };
  const repeat =
    providerTrouble === undefined ? `sessions revoke-all ${id}` : `users sign-out ${id}`;
  const problem = `Sessions of "${username}" may live on (${troubles.join("; ")}): "helm ${repeat}" ends them`;
  return { ended, problem };
}

/** Only what the two are known to fail with: anything else is a mistake of ours, and is thrown. */
async function findTrouble(act: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    const isKnown = error instanceof IdentityError || error instanceof CoreError;
    if (!isKnown) throw error;
    return error.reason;
  }
}
