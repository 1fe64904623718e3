import type { Log } from "@hivematrix/lib/log";
import type { Keycloak } from "./keycloak.ts";
import { endProviderSession } from "./keycloak_logout.ts";
import type { Revocations } from "./revocations.ts";
import type { EndedSession, SessionSelector, SessionStore } from "./session_store.ts";

export interface EndOptions {
  /** Why, for the log. */
  readonly reason: string;
  readonly log: Log;
  /** The provider's side lives on, or is over already. */
  readonly keepProviderSession?: boolean;
}

/**
 * What became of the identity provider's side of a session:
 * - `ended`: the provider has confirmed it
 * - `not_ended`: it was asked and did not confirm
 * - `none`: the session came without a refresh token, so it could not be asked
 * - `kept`: it was not meant to end
 * - `unknown`: an earlier call ended the session here, and what came of its question is not kept
 */
export type ProviderSessionEnd = "ended" | "not_ended" | "none" | "kept" | "unknown";

export interface SessionEnd extends EndedSession {
  readonly providerSession: ProviderSessionEnd;
}

/**
 * Ends sessions, in the order that makes an answer true: stored first, then told to every gateway,
 * then the provider's side.
 *
 * @returns the sessions that were meant; once this resolves, nobody accepts any of them
 * @throws {HttpError} 503 when it could not be stored, or is stored and not yet known everywhere
 */
export type EndSessions = (which: SessionSelector, options: EndOptions) => Promise<SessionEnd[]>;

export function createSessionEnding({
  sessions,
  revocations,
  keycloak,
}: {
  sessions: SessionStore;
  revocations: Revocations;
  keycloak: Keycloak;
}): EndSessions {
  return async (which, { reason, log, keepProviderSession = false }) => {
    const revocation = revocations.begin();
    try {
      const ended = await sessions.end(which, revocation.id);
      // Sessions that were over before are announced again: whoever ended them may have been killed
      // before every gateway knew, and this call's answer makes the same promise.
      const announced = revocation.announce(ended.map(({ hash }) => hash));
      // The provider hears of it whether or not all gateways confirm: its tokens come only once.
      const providerEnds = keepProviderSession
        ? ended.map(() => "kept" as const)
        : endProviderSessions(keycloak, ended, log);
      // The gateways are at work by now: very many lines take their time.
      logEnds(ended, reason, log);
      const [ends] = await Promise.all([providerEnds, announced]);
      return ended.map((session, i) => ({ ...session, providerSession: ends[i] ?? "unknown" }));
    } finally {
      revocation.close();
    }
  };
}

function logEnds(ended: readonly EndedSession[], reason: string, log: Log): void {
  for (const { hash, sub, wasRevoked } of ended) {
    // The same 16 digits as describeSession's.
    if (!wasRevoked) log.info("session ended", { reason, sub, session: hash.slice(0, 16) });
  }
}

/** How many questions the provider gets at once. */
const providerCallsAtOnce = 8;

/** @returns what became of each, in the same order */
async function endProviderSessions(
  keycloak: Keycloak,
  ended: readonly EndedSession[],
  log: Log,
): Promise<ProviderSessionEnd[]> {
  const ends: ProviderSessionEnd[] = ended.map(({ wasRevoked }) =>
    wasRevoked ? "unknown" : "none",
  );
  const next = ended.entries();
  const work = async () => {
    for (const [i, { provider }] of next) {
      if (provider.refreshToken === undefined) continue;
      ends[i] = await tryToEndProviderSession(keycloak, provider.refreshToken, log);
    }
  };
  await Promise.all(Array.from({ length: providerCallsAtOnce }, work));
  return ends;
}

/** The session here is over in any case, so a provider that is away is no error. */
async function tryToEndProviderSession(
  keycloak: Keycloak,
  refreshToken: string,
  log: Log,
): Promise<ProviderSessionEnd> {
  try {
    await endProviderSession(keycloak, refreshToken);
    return "ended";
  } catch (error) {
    log.warn("the identity provider's session could not be ended", { error });
    return "not_ended";
  }
}
