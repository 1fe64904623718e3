// A browser in a hundred lines, for tests: it keeps cookies by a browser's rules, follows redirects
// one by one, and remembers all it has seen, so that tests can search that for secrets.
import { Agent, request } from "undici";

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly isSecure: boolean;
  readonly isHttpOnly: boolean;
}

/** One answer as the browser got it. */
export interface Answer {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly body: string;
  /** The body as it came. */
  readonly bytes: Buffer;
  readonly setCookies: readonly string[];
  /** The value of a header, repeated ones joined. */
  header(name: string): string | undefined;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

export interface RequestOptions {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  /** Added to, or with `undefined` taken from, what a navigation sends. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

/** What a browser sends with an address that somebody has typed. */
const navigation = {
  accept: "text/html,application/xhtml+xml,*/*;q=0.8",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
  "sec-fetch-site": "none",
};

/** Self-signed certificates are accepted, as a person does who knows the machine. */
const createAgent = (localAddress?: string) =>
  new Agent({
    connect: { rejectUnauthorized: false },
    keepAliveTimeout: 1,
    ...(localAddress !== undefined && { localAddress }),
  });

const agent = createAgent();

export class TestBrowser {
  readonly origin: string;
  cookies: Cookie[] = [];
  /** Everything that was received, in order. */
  readonly seen: Answer[] = [];
  readonly #agent: Agent;

  /** @param localAddress where it is; all of 127.0.0.0/8 is this machine */
  constructor(origin: string, localAddress?: string) {
    this.origin = origin;
    this.#agent = localAddress === undefined ? agent : createAgent(localAddress);
  }

  /** One request; a path is one of this origin. */
  async request(address: string, options: RequestOptions = {}): Promise<Answer> {
    const url = new URL(address, this.origin);
    const { method = "GET", body } = options;
    const headers = { ...navigation, cookie: this.#cookieHeader(url), ...options.headers };
    const sent = Object.entries(headers).filter(([, value]) => value !== undefined && value !== "");
    const response = await request(url, {
      method,
      headers: Object.fromEntries(sent) as Record<string, string>,
      body: body ?? null,
      dispatcher: this.#agent,
    });
    const all = response.headers;
    const setCookies = [all["set-cookie"] ?? []].flat();
    for (const line of setCookies) this.#keep(line, url);
    const bytes = Buffer.from(await response.body.arrayBuffer());
    const text = bytes.toString();
    const answer: Answer = {
      method,
      url: url.href,
      status: response.statusCode,
      body: text,
      bytes,
      setCookies,
      header: (name) => (all[name] === undefined ? undefined : [all[name]].flat().join(", ")),
      json: () => JSON.parse(text) as Record<string, unknown>,
    };
    this.seen.push(answer);
    return answer;
  }

  /** Follows redirects to the page at their end. */
  async open(address: string, options: RequestOptions = {}): Promise<Answer> {
    let answer = await this.request(address, options);
    for (let hops = 0; hops < 10; hops++) {
      const location = answer.header("location");
      if (answer.status < 300 || answer.status > 399 || location === undefined) return answer;
      answer = await this.request(new URL(location, answer.url).href);
    }
    throw new Error(`${address} leads in circles: ${answer.url}`);
  }

  /** Fills in the page's form and sends it as a browser does, with where it comes from. */
  async submit(
    page: Answer,
    fields: Readonly<Record<string, string>>,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const { action, hidden } = readForm(page);
    const body = new URLSearchParams({ ...hidden, ...fields }).toString();
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      "sec-fetch-site": "same-origin",
      origin: this.origin,
      ...more,
    };
    return await this.open(action, { method: "POST", headers, body });
  }

  /** Follows redirects up to the first whose address matches, which is not asked for. */
  async openUntil(pattern: RegExp, address: string): Promise<string> {
    let url = new URL(address, this.origin).href;
    for (let hops = 0; hops < 10 && !pattern.test(url); hops++) {
      const { header, status, body } = await this.request(url);
      const location = header("location");
      if (location === undefined) throw new Error(`${url} leads nowhere: ${status} ${body}`);
      url = new URL(location, url).href;
    }
    return url;
  }

  /** Puts a cookie there that nobody has set, as another program on the same host could. */
  plant(name: string, value: string): void {
    this.cookies = this.cookies.filter((cookie) => cookie.name !== name);
    const isSecure = name.startsWith("__Host-");
    this.cookies.push({ name, value, path: "/", isSecure, isHttpOnly: false });
  }

  cookie(name: string): Cookie | undefined {
    return this.cookies.find((cookie) => cookie.name === name);
  }

  get sessionCookie(): Cookie | undefined {
    return this.cookies.find(({ name }) => /^(?:__Host-)?hivematrix_session/.test(name));
  }

  #cookieHeader(url: URL): string {
    const { pathname } = url;
    return this.cookies
      .filter(({ isSecure }) => !isSecure || isTrustworthy(url))
      .filter(({ path }) => isBelow(pathname, path))
      .sort((one, other) => other.path.length - one.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
  }

  /** RFC 6265bis §5.7, as far as one host needs it; what a browser would refuse is an error here. */
  #keep(line: string, url: URL): void {
    const [pair = "", ...rest] = line.split(";");
    const [name = "", value = ""] = pair.split(/=(.*)/s, 2);
    const attributes = new Map(
      rest.map((text) => {
        const [key = "", setting = ""] = text.trim().split(/=(.*)/s, 2);
        return [key.toLowerCase(), setting];
      }),
    );
    const isSecure = attributes.has("secure");
    const path = attributes.get("path") || defaultPath(url.pathname);
    const isHostBound = isSecure && path === "/" && !attributes.has("domain");
    if (isSecure && !isTrustworthy(url))
      throw new Error(`A browser refuses Secure on plain HTTP: ${line}`);
    if (name.startsWith("__Host-") && !isHostBound) throw new Error(`Not __Host-: ${line}`);
    if (pair.length > 4096) throw new Error(`A browser refuses ${pair.length} bytes: ${line}`);
    this.cookies = this.cookies.filter((kept) => kept.name !== name || kept.path !== path);
    if (Number(attributes.get("max-age") ?? 1) <= 0) return;
    this.cookies.push({ name, value, path, isSecure, isHttpOnly: attributes.has("httponly") });
  }
}

/** Where Chromium and Firefox keep Secure cookies: over TLS, and on this very machine. */
function isTrustworthy({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || hostname === "localhost" || hostname.startsWith("127.");
}

function readForm({ url, body }: Answer): { action: string; hidden: Record<string, string> } {
  const decode = (text = "") => text.replaceAll("&#x2F;", "/").replaceAll("&amp;", "&");
  const [, action] = /<form[^>]* action="([^"]*)"/.exec(body) ?? [];
  if (action === undefined) throw new Error(`There is no form at ${url}: ${body}`);
  const inputs = body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return {
    action: new URL(decode(action), url).href,
    hidden: Object.fromEntries([...inputs].map(([, name, value]) => [name, decode(value)])),
  };
}

/** RFC 6265 §5.1.4 */
function isBelow(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
}

function defaultPath(pathname: string): string {
  return pathname.slice(0, Math.max(1, pathname.lastIndexOf("/")));
}
