import { createPrivateKey, type KeyObject, randomUUID } from "node:crypto";
import type { Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import { SignJWT } from "jose";
import { request } from "undici";
import type { SigningKey } from "./signing_keys.ts";

export interface BackchannelLogoutOptions {
  /** The database with the messages of session_ending.ts. */
  readonly sql: Sql;
  /** CORE_SERVICE_URL. */
  readonly coreUrl: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly signingKey: SigningKey;
  readonly log: Log;
}

interface Message {
  readonly id: string;
  readonly sub: string;
  readonly sid: string | null;
}

const timeoutMs = 5000;
const firstPauseMs = 250;
/** Core is back that much earlier than it knows who has signed out meanwhile. */
const longestPauseMs = 5000;
const messagesAtOnce = 8;

/** Core allows no longer session (SESSION_LIFETIME_SECONDS), so what is older ends nothing. */
const longestSessionDays = 30;

/**
 * Tells Core which sessions are over, by OpenID Connect Back-Channel Logout 1.0. A message stays in
 * the database until Core has confirmed it; it may arrive more than once, each time as a new token.
 *
 * oidc-provider has the same as a feature, but sends only when a browser signs out, before that is
 * stored, once, and never to loopback.
 */
export class BackchannelLogout {
  readonly #options: BackchannelLogoutOptions;
  readonly #key: KeyObject;
  readonly #closing = new AbortController();
  #delivery: Promise<void> | undefined;
  #isWantedAgain = false;
  #retry: NodeJS.Timeout | undefined;
  #pauseMs = firstPauseMs;

  constructor(options: BackchannelLogoutOptions) {
    this.#options = options;
    this.#key = createPrivateKey({ key: options.signingKey, format: "jwk" });
  }

  /** Begins to deliver what the database has and goes on until it is done; nobody waits for it. */
  wake(): void {
    if (this.#closing.signal.aborted) return;
    clearTimeout(this.#retry);
    this.#isWantedAgain = true;
    this.#delivery ??= this.#run();
  }

  /** Messages that are left are delivered after the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#retry);
    await this.#delivery;
  }

  async #run(): Promise<void> {
    while (this.#isWantedAgain) {
      this.#isWantedAgain = false;
      try {
        await this.#deliverAll();
        this.#pauseMs = firstPauseMs;
      } catch (error) {
        this.#retryLater(error);
      }
    }
    this.#delivery = undefined;
  }

  #retryLater(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const { log } = this.#options;
    const fields = { error: String(error), retry_in_ms: this.#pauseMs };
    // A Core that is away for long is not worth a warning every few seconds.
    const level = this.#pauseMs < longestPauseMs ? "warn" : "debug";
    log[level]("cannot tell Core that sessions have ended", fields);
    this.#retry = setTimeout(() => this.wake(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
  }

  /** @throws the first failure; there is no use in going on while Core is away */
  async #deliverAll(): Promise<void> {
    await this.#dropOld();
    for (;;) {
      // What failed before comes last: one message that Core refuses must not hold up the others.
      const messages = await this.#options.sql<Message[]>`
        SELECT id, sub, sid FROM logout_messages ORDER BY attempts, id LIMIT ${messagesAtOnce}`;
      if (messages.length === 0) return;
      const results = await Promise.allSettled(messages.map((message) => this.#deliver(message)));
      const failure = results.find((result) => result.status === "rejected");
      if (failure !== undefined) throw failure.reason;
    }
  }

  async #deliver({ id, sub, sid }: Message): Promise<void> {
    const { sql, log } = this.#options;
    await sql`UPDATE logout_messages SET attempts = attempts + 1 WHERE id = ${id}`;
    await this.#send(await this.#mint(sub, sid));
    await sql`DELETE FROM logout_messages WHERE id = ${id}`;
    log.info("told Core that sessions have ended", { user_id: sub, all: sid === null });
  }

  /** A logout token (§2.4). */
  async #mint(sub: string, sid: string | null): Promise<string> {
    const { issuer, clientId, signingKey } = this.#options;
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    return await new SignJWT({ sub, ...(sid !== null && { sid }), events })
      .setProtectedHeader({ alg: "RS256", typ: "logout+jwt", kid: signingKey.kid })
      .setIssuer(issuer)
      .setAudience(clientId)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime("2 minutes")
      .sign(this.#key);
  }

  async #send(token: string): Promise<void> {
    const { statusCode, body } = await request(
      `${this.#options.coreUrl.replace(/\/+$/, "")}/api/backchannel-logout`,
      {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ logout_token: token }).toString(),
        reset: true,
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]),
      },
    );
    await body.dump({ limit: 64 * 1024 });
    if (statusCode !== 200) throw new Error(`Core answered the logout with ${statusCode}`);
  }

  async #dropOld(): Promise<void> {
    const { sql, log } = this.#options;
    const { count } = await sql`
      DELETE FROM logout_messages
      WHERE created_at < now() - ${longestSessionDays} * interval '1 day'`;
    if (count > 0) log.warn("gave up telling Core of sessions that are over by now", { count });
  }
}
