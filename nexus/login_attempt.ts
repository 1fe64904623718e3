import { createHash, randomBytes } from "node:crypto";
import { formatCookie } from "@hivematrix/lib/cookies";
import type { CookieNames } from "./cookie_names.ts";
import type { SealedBox } from "./sealed_box.ts";
import type { UsedStates } from "./used_states.ts";

/** What Nexus has to remember between /login and /keycloak-callback. */
export interface LoginAttempt {
  /** Binds the answer to this browser (RFC 6749 §10.12). */
  readonly state: string;
  /** Binds the ID token to this attempt (OpenID Connect Core §15.5.2). */
  readonly nonce: string;
  /** PKCE (RFC 7636): a stolen code is worth nothing without it. */
  readonly codeVerifier: string;
  readonly returnPath: string;
  readonly startedAtMs: number;
  /** Begun by Nexus itself after Core had refused the one before it; there is no third. */
  readonly isSecond?: true;
}

/** How long somebody may take over the provider's login page. */
const attemptLifetimeSeconds = 600;
/** More unfinished attempts than this in one browser and its Cookie header would be refused. */
const maxAttempts = 20;
/** The same for their size, as an attempt carries the address it leads back to. */
const maxAttemptsBytes = 32 * 1024;

export function createLoginAttempt(returnPath: string, now = Date.now()): LoginAttempt {
  // 256 bits each; RFC 9700 asks for 128 at least.
  const random = () => randomBytes(32).toString("base64url");
  return {
    state: random(),
    nonce: random(),
    codeVerifier: random(),
    returnPath,
    startedAtMs: now,
  };
}

/** S256 (RFC 7636 §4.2). */
export function codeChallenge(codeVerifier: string): string {
  return createHash("sha256").update(codeVerifier).digest("base64url");
}

/** Keeps attempts in the browser, each in a sealed cookie of its own, and lets each be used once. */
export class LoginAttempts {
  readonly #box: SealedBox;
  readonly #names: CookieNames;
  readonly #isSecure: boolean;
  readonly #usedStates: UsedStates;

  constructor(
    box: SealedBox,
    names: CookieNames,
    { isSecure, usedStates }: { isSecure: boolean; usedStates: UsedStates },
  ) {
    this.#box = box;
    this.#names = names;
    this.#isSecure = isSecure;
    this.#usedStates = usedStates;
  }

  /** Set-Cookie values: the new attempt's, and the removal of any beyond what a browser may hold. */
  formatCookies(attempt: LoginAttempt, cookies: ReadonlyMap<string, string>): string[] {
    const name = this.#names.loginAttempt(attempt.state);
    const value = this.#box.seal(JSON.stringify(attempt), name);
    const options = { secure: this.#isSecure, maxAgeSeconds: attemptLifetimeSeconds };
    const surplus = this.#findSurplus(cookies, name.length + value.length);
    return [
      formatCookie(name, value, options),
      ...surplus.map((other) => this.#formatRemoval(other)),
    ];
  }

  /**
   * The attempt that a state belongs to, once; `undefined` when it is unknown, late or used.
   *
   * @throws {HttpError} 503 when it cannot be known whether it was used
   */
  async take(
    state: string,
    cookies: ReadonlyMap<string, string>,
    now = Date.now(),
  ): Promise<LoginAttempt | undefined> {
    const name = this.#names.loginAttempt(state);
    const text = this.#box.open(cookies.get(name) ?? "", name);
    if (text === undefined) return undefined;
    const attempt = JSON.parse(text) as LoginAttempt;
    const isLate = now >= attempt.startedAtMs + attemptLifetimeSeconds * 1000;
    if (attempt.state !== state || isLate) return undefined;
    return (await this.#usedStates.use(state)) ? attempt : undefined;
  }

  formatRemovalFor(state: string): string {
    return this.#formatRemoval(this.#names.loginAttempt(state));
  }

  #formatRemoval(name: string): string {
    return formatCookie(name, "", { secure: this.#isSecure, maxAgeSeconds: 0 });
  }

  /** The attempts that a new one leaves no room for: browsers send the oldest first. */
  #findSurplus(cookies: ReadonlyMap<string, string>, newBytes: number): string[] {
    const kept = [...cookies].filter(([name]) => this.#names.isLoginAttempt(name));
    const bytesOf = ([name, value]: [string, string]) => name.length + value.length;
    let bytes = kept.reduce((sum, cookie) => sum + bytesOf(cookie), newBytes);
    const surplus: string[] = [];
    for (const cookie of kept) {
      if (kept.length - surplus.length < maxAttempts && bytes <= maxAttemptsBytes) break;
      bytes -= bytesOf(cookie);
      surplus.push(cookie[0]);
    }
    return surplus;
  }
}
