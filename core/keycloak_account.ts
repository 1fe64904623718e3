import { decodeJwt } from "jose";
import { type Keycloak, openidEndpoint } from "./keycloak.ts";
import { type AskProvider, ProviderAwayError, ProviderRefusalError } from "./provider_question.ts";

export interface AccountToken {
  readonly text: string;
  /** On the monotonic clock, somewhat before its end. */
  readonly usableUntilMs: number;
  /** What to add to the monotonic clock to have the provider's, exact to the second. */
  readonly clockOffsetMs: number;
}

/** Core's own account at the provider: its client's service account (RFC 6749 §4.4). */
export class KeycloakAccount {
  readonly #keycloak: Keycloak;
  readonly #ask: AskProvider;
  readonly #now: () => number;
  #token: AccountToken | undefined;
  #asked: Promise<AccountToken> | undefined;

  /** @param now milliseconds on a clock that never goes back */
  constructor(keycloak: Keycloak, ask: AskProvider, now: () => number) {
    this.#keycloak = keycloak;
    this.#ask = ask;
    this.#now = now;
  }

  /** A token that is good for some seconds at least, asked for once however many want it. */
  async getToken(): Promise<AccountToken> {
    if (this.#token !== undefined && this.#now() < this.#token.usableUntilMs) return this.#token;
    this.#asked ??= this.#fetch().finally(() => {
      this.#asked = undefined;
    });
    return await this.#asked;
  }

  /** The provider did not take this token. */
  drop(token: AccountToken): void {
    if (this.#token === token) this.#token = undefined;
  }

  async #fetch(): Promise<AccountToken> {
    const { clientId, clientSecret } = this.#keycloak;
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
    });
    const { statusCode, body } = await this.#ask(openidEndpoint(this.#keycloak, "token"), {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
    });
    if (statusCode === 400 || statusCode === 401) throw this.#refusal(body["error"]);
    const { access_token: text, expires_in: seconds } = body;
    if (statusCode !== 200 || typeof text !== "string" || typeof seconds !== "number") {
      throw new ProviderAwayError(`its token endpoint answered ${statusCode} without a token`);
    }
    this.#token = this.#read(text, seconds);
    return this.#token;
  }

  #read(text: string, seconds: number): AccountToken {
    const now = this.#now();
    return {
      text,
      usableUntilMs: now + seconds * 800,
      clockOffsetMs: readIssueTime(text) - now,
    };
  }

  #refusal(error: unknown): ProviderRefusalError {
    const { clientId, realm } = this.#keycloak;
    const remedy =
      error === "unauthorized_client"
        ? `turn on "Service accounts roles" for it`
        : "see that its secret there is the one in core/.env";
    return new ProviderRefusalError(
      `client "${clientId}" gets no token for itself in realm "${realm}" (${String(error)}): ${remedy}`,
    );
  }
}

/** By the provider's own word rather than by a Date header, which a proxy before it may have set. */
function readIssueTime(text: string): number {
  try {
    const { iat } = decodeJwt(text);
    if (typeof iat === "number" && iat > 0) return iat * 1000;
  } catch {
    // An opaque token: the clocks have to be taken for the same.
  }
  return Date.now();
}
