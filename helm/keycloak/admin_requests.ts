// The Admin REST API as such: a question, with a token, and what refusals and silence mean.
import { parseBody, readReason, toFields } from "./admin_answers.ts";
import type { AdminPlace } from "./admin_client.ts";
import { type Answer, HttpExchange, type Question } from "./http_exchange.ts";
import { IdentityError } from "./identity_error.ts";

/** Of one question; Keycloak takes its time in its first seconds. */
const defaultTimeoutMs = 15_000;

/** Asks the Admin REST API with a token that is kept until shortly before its end. */
export class AdminRequests {
  readonly #place: AdminPlace;
  readonly #base: string;
  readonly #timeoutMs: number;
  readonly #exchange: HttpExchange;
  #token: Promise<{ value: string; endsAtMs: number }> | undefined;

  constructor(place: AdminPlace, timeoutMs: number = defaultTimeoutMs) {
    this.#place = place;
    this.#base = place.backendUrl.replace(/\/+$/, "");
    this.#timeoutMs = timeoutMs;
    this.#exchange = new HttpExchange(timeoutMs);
  }

  /** @param path below the realm's */
  async ask(
    action: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<{ body: unknown; headers: Answer["headers"] }> {
    return await this.#ask(
      action,
      method,
      `/${encodeURIComponent(this.#place.realm)}${path}`,
      body,
    );
  }

  /** Makes the realm itself, which has no path before. */
  async createRealm(realm: object): Promise<void> {
    const { realm: name } = this.#place;
    await this.#ask(`create realm "${name}"`, "POST", "", { ...realm, realm: name });
  }

  /** @param path below that of all realms */
  async #ask(
    action: string,
    method: string,
    path: string,
    body: object | undefined,
  ): Promise<{ body: unknown; headers: Answer["headers"] }> {
    const first = await this.#askWith(await this.#takeToken(action), action, method, path, body);
    // The provider may have new keys, or have been set up anew, since that token.
    const isTokenRefused = first.status === 401;
    if (isTokenRefused) this.#token = undefined;
    const answer = isTokenRefused
      ? await this.#askWith(await this.#takeToken(action), action, method, path, body)
      : first;
    if (answer.status >= 200 && answer.status < 300) {
      return { body: parseBody(answer.text), headers: answer.headers };
    }
    throw this.#describeRefusal(action, method, answer);
  }

  close(): void {
    this.#exchange.close();
  }

  #askWith(
    token: string,
    action: string,
    method: string,
    path: string,
    body: object | undefined,
  ): Promise<Answer> {
    const url = `${this.#base}/admin/realms${path}`;
    const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
    const content = body === undefined ? undefined : JSON.stringify(body);
    const type = content === undefined ? {} : { "content-type": "application/json" };
    return this.#send(action, url, { method, headers: { ...headers, ...type }, body: content });
  }

  /** One question for a token serves all that wait for it; who finds it failed asks for themselves. */
  async #takeToken(action: string): Promise<string> {
    const kept = await this.#token?.catch(() => undefined);
    if (kept !== undefined && performance.now() < kept.endsAtMs) return kept.value;
    const fresh = this.#fetchToken(action);
    this.#token = fresh;
    return (await fresh).value;
  }

  async #fetchToken(action: string): Promise<{ value: string; endsAtMs: number }> {
    const { realm, tokenRealm = realm, clientId, clientSecret } = this.#place;
    const path = `/realms/${encodeURIComponent(tokenRealm)}/protocol/openid-connect/token`;
    const askedAtMs = performance.now();
    const answer = await this.#send(action, this.#base + path, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: clientId,
        client_secret: clientSecret,
      }).toString(),
    });
    const fields = toFields(parseBody(answer.text));
    const { access_token: value, expires_in: seconds } = fields;
    if (answer.status === 200 && typeof value === "string") {
      // So that it is still good when it arrives.
      const usableMs = Math.max(Number(seconds ?? 60) - 10, 1) * 1000;
      return { value, endsAtMs: askedAtMs + usableMs };
    }
    throw this.#describeTokenRefusal(action, answer);
  }

  async #send(action: string, url: string, question: Question): Promise<Answer> {
    try {
      return await this.#exchange.ask(new URL(url), question);
    } catch (error) {
      throw this.#describeSilence(action, question.method, error);
    }
  }

  #describeSilence(action: string, method: string, error: unknown): IdentityError {
    const { name, code, message } = error as { name?: string; code?: string; message?: string };
    const isAway = ["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "EAI_AGAIN"].includes(code ?? "");
    const reason = isAway
      ? "cannot be reached"
      : name === "TimeoutError"
        ? `did not answer within ${this.#timeoutMs / 1000} s`
        : `broke off its answer (${code ?? message})`;
    return new IdentityError(
      action,
      `the identity provider at ${this.#base} ${reason}, see "helm status"`,
      { mayHaveActed: !isAway && method !== "GET", isOutage: true, cause: error },
    );
  }

  #describeTokenRefusal(action: string, { status, text }: Answer): IdentityError {
    const { realm, tokenRealm = realm, clientId } = this.#place;
    const said = readReason(parseBody(text)) ?? "nothing more";
    const reason =
      status === 400 || status === 401
        ? `the identity provider refuses the client "${clientId}" in realm ${tokenRealm} (${said}); check keycloak.admin_client_id and keycloak.admin_client_secret`
        : status === 404
          ? `the identity provider has no realm ${tokenRealm}; check keycloak.realm and keycloak.url`
          : `the identity provider answers ${status} (${said}), see "helm status"`;
    // Only the token was asked for so far.
    return new IdentityError(action, reason, { status, isOutage: true });
  }

  #describeRefusal(action: string, method: string, { status, text }: Answer): IdentityError {
    const { realm, clientId } = this.#place;
    const said = readReason(parseBody(text)) ?? "nothing more";
    const reason =
      status === 401 || status === 403
        ? `the client "${clientId}" may not do that (${said}); give its service account the role realm-admin of the client realm-management in realm ${realm}`
        : status >= 500
          ? `the identity provider answers ${status} (${said}), see "helm logs keycloak"`
          : `the identity provider refuses: ${said}`;
    return new IdentityError(action, reason, {
      status,
      mayHaveActed: status >= 500 && method !== "GET",
      isOutage: status >= 500 || status === 401 || status === 403,
    });
  }
}
