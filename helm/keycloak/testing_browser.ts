// A browser in a hundred lines, for tests: cookies by path, redirects, and the sign-in page's form.
import { createHash, randomBytes } from "node:crypto";
import type { TestProvider } from "./testing.ts";

type ProviderAddress = Pick<
  TestProvider,
  "backendUrl" | "serverUrl" | "issuer" | "redirectUri" | "clientId" | "clientSecret"
>;

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

/** What an application remembers of one attempt to sign in. */
export interface Attempt {
  readonly url: string;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
}

export interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
  readonly refresh_token: string;
}

/** Where a browser ended: an answer, and the address it came from. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export class TestBrowser {
  readonly cookies: Cookie[] = [];
  /** Every Set-Cookie header that was received. */
  readonly setCookies: string[] = [];
  readonly #provider: ProviderAddress;

  constructor(provider: ProviderAddress) {
    this.#provider = provider;
  }

  /** One request, redirects not followed. Public addresses go to the back end, as Nexus does it. */
  async request(url: string, init: RequestInit = {}): Promise<Page> {
    const { serverUrl, backendUrl } = this.#provider;
    if (!url.startsWith(`${serverUrl}/`)) throw new Error(`This is not the provider's: ${url}`);
    const { pathname } = new URL(url);
    const cookie = this.cookies
      .filter(({ path }) => pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
    const headers = new Headers({ accept: "text/html", ...(init.headers as object) });
    if (cookie !== "") headers.set("cookie", cookie);
    const target = backendUrl + url.slice(serverUrl.length);
    const response = await fetch(target, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return { url, status: response.status, headers: response.headers, body: await response.text() };
  }

  /** Follows redirects until a page, or until they leave the provider. */
  async open(url: string, init: RequestInit = {}): Promise<Page> {
    let page = await this.request(url, init);
    for (;;) {
      const location = page.headers.get("location");
      if (location === null) return page;
      const next = new URL(location, page.url).href;
      if (!next.startsWith(`${this.#provider.serverUrl}/`)) return { ...page, url: next };
      page = await this.request(next);
    }
  }

  /** Fills in the form of a page and sends it. */
  async submit(page: Page, fields: Record<string, string>, headers = {}): Promise<Page> {
    const form = readForm(page);
    return await this.open(form.action, {
      method: "POST",
      headers: { origin: new URL(page.url).origin, ...headers },
      body: new URLSearchParams({ ...form.hidden, ...fields }),
    });
  }

  /** A fresh authorization request; an override of `undefined` leaves a parameter out. */
  attempt(overrides: Record<string, string | undefined> = {}): Attempt {
    const [verifier, state, nonce] = [randomText(), randomText(), randomText()];
    const url = new URL(`${this.#provider.issuer}/protocol/openid-connect/auth`);
    const parameters = {
      response_type: "code",
      client_id: this.#provider.clientId,
      redirect_uri: this.#provider.redirectUri,
      scope: "openid profile email",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      state,
      nonce,
      ...overrides,
    };
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return { url: url.href, verifier, state, nonce };
  }

  /** The whole way by password, up to the redirect to the application. @returns the code */
  async signIn(username: string, password: string, attempt = this.attempt()): Promise<string> {
    const page = await this.open(attempt.url);
    const end = await this.submit(page, { username, password });
    return readCode(end, attempt);
  }

  /** What Nexus does with the code. */
  async redeem(code: string, verifier: string): Promise<Response> {
    return await this.post("token", {
      grant_type: "authorization_code",
      redirect_uri: this.#provider.redirectUri,
      code,
      code_verifier: verifier,
    });
  }

  /** Signs in and redeems the code. */
  async obtainTokens(username: string, password: string): Promise<Tokens> {
    const attempt = this.attempt();
    const code = await this.signIn(username, password, attempt);
    const response = await this.redeem(code, attempt.verifier);
    if (!response.ok) throw new Error(`No tokens: ${response.status} ${await response.text()}`);
    return (await response.json()) as Tokens;
  }

  /** A request of the application itself to an endpoint, with the client's secret in the form. */
  async post(endpoint: string, fields: Record<string, string>): Promise<Response> {
    const { backendUrl, issuer, serverUrl, clientId, clientSecret } = this.#provider;
    const realm = backendUrl + issuer.slice(serverUrl.length);
    const client = { client_id: clientId, client_secret: clientSecret };
    return await fetch(`${realm}/protocol/openid-connect/${endpoint}`, {
      method: "POST",
      body: new URLSearchParams({ ...client, ...fields }),
    });
  }

  #keep(line: string): void {
    this.setCookies.push(line);
    const [pair = "", ...attributes] = line.split(/; ?/);
    const [name = "", value = ""] = pair.split(/=(.*)/s, 2);
    const path = attributes.find((text) => /^path=/i.test(text))?.slice("path=".length) ?? "/";
    const kept = this.cookies.findIndex((cookie) => cookie.name === name && cookie.path === path);
    if (kept >= 0) this.cookies.splice(kept, 1);
    if (value !== "") this.cookies.push({ name, value, path });
  }
}

/** The code of an answer that reached the application. @throws {Error} when there is none */
export function readCode(page: Page, attempt: Pick<Attempt, "state">): string {
  const { searchParams } = new URL(page.url);
  const code = searchParams.get("code");
  if (code === null || searchParams.get("state") !== attempt.state) {
    throw new Error(`No code at ${page.url}: ${page.status} ${page.body}`);
  }
  return code;
}

function readForm(page: Page): { action: string; hidden: Record<string, string> } {
  const decode = (text: string) => text.replaceAll("&#x2F;", "/").replaceAll("&amp;", "&");
  const action = /<form[^>]* action="([^"]*)"/.exec(page.body)?.[1];
  if (action === undefined) throw new Error(`No form at ${page.url}: ${page.body}`);
  const hidden = page.body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return {
    action: new URL(decode(action), page.url).href,
    hidden: Object.fromEntries([...hidden].map(([, name, value]) => [name, decode(value ?? "")])),
  };
}

function randomText(): string {
  return randomBytes(32).toString("base64url");
}
