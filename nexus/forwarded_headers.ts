// Which headers pass the gateway, in both directions, and which it sets itself (RFC 9110 §7.6).

/** The address under which browsers know us, in parts. */
export interface PublicFacts {
  /** http or https */
  readonly protocol: string;
  /** Host and port as the browser addressed them. */
  readonly host: string;
  readonly port: string;
}

/** What Nexus tells an upstream about the request as the browser sent it. */
export interface ForwardedFacts extends PublicFacts {
  readonly clientAddress: string;
  /** `/<service>`, which has been stripped from the path. */
  readonly prefix: string;
  readonly requestId: string;
  readonly traceparent: string;
  /** The user token for services; for the provider, what the client itself has sent. */
  readonly authorization: string | undefined;
  /** The Cookie header without Nexus's own cookies. */
  readonly cookie: string;
  /** Whether the answer may be composed, which needs it uncompressed. */
  readonly mayBeComposed: boolean;
}

/** Read once: the parts of a URL are made anew each time. */
export function readPublicFacts({ protocol, host, port }: URL): PublicFacts {
  const usualPort = protocol === "https:" ? "443" : "80";
  return { protocol: protocol.slice(0, -1), host, port: port || usualPort };
}

/** Hop-by-hop: they belong to one connection (RFC 9110 §7.6.1). */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Set here and by nobody else: a client that could send them could pose as somebody (spoofing). */
const ownHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "forwarded",
  "host",
  "traceparent",
  "via",
  // Some frameworks take these for the real path: one path is judged, so one is forwarded.
  "x-original-url",
  "x-real-ip",
  "x-request-id",
  "x-rewrite-url",
]);

/** What software runs where is nobody's business (R28). */
const banners: ReadonlySet<string> = new Set([
  "server",
  "via",
  "x-aspnet-version",
  "x-aspnetmvc-version",
  "x-generator",
  "x-powered-by",
]);

/** Headers that pass, but not under a name that only some servers read as theirs. */
const framing: ReadonlySet<string> = new Set(["content-length", "content-type"]);

/**
 * Header names and values in turn, as undici takes them.
 *
 * @param rawHeaders the request's, in the order and spelling in which they came
 */
export function requestHeaders(rawHeaders: readonly string[], facts: ForwardedFacts): string[] {
  const named = connectionOptions(rawHeaders);
  const headers: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const { lower, isReserved } = readName(name);
    if (isReserved || named.has(lower)) continue;
    // 100-continue has been answered by node; composing needs the page as it is.
    if (lower === "expect" || (lower === "accept-encoding" && facts.mayBeComposed)) continue;
    headers.push(name, rawHeaders[i + 1] ?? "");
  }
  if (facts.mayBeComposed) headers.push("accept-encoding", "identity");
  headers.push("x-forwarded-for", facts.clientAddress);
  headers.push("x-forwarded-proto", facts.protocol);
  headers.push("x-forwarded-host", facts.host);
  headers.push("x-forwarded-port", facts.port);
  headers.push("x-forwarded-prefix", facts.prefix);
  headers.push("x-request-id", facts.requestId);
  headers.push("traceparent", facts.traceparent);
  if (facts.authorization !== undefined) headers.push("authorization", facts.authorization);
  if (facts.cookie !== "") headers.push("cookie", facts.cookie);
  return headers;
}

/** The upstream's headers that go on to the browser: everything but what belongs to that connection. */
export function responseHeaders(rawHeaders: readonly string[]): string[] {
  const named = connectionOptions(rawHeaders);
  const headers: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const { lower, isForNobody } = readName(name);
    if (isForNobody || named.has(lower)) continue;
    headers.push(name, rawHeaders[i + 1] ?? "");
  }
  return headers;
}

/** A header's name in lower case. */
export function lowerName(name: string): string {
  return readName(name).lower;
}

const none: ReadonlySet<string> = new Set();

/** The names in Connection are hop-by-hop too (RFC 9110 §7.6.1), whatever a client puts there. */
function connectionOptions(rawHeaders: readonly string[]): ReadonlySet<string> {
  let names: Set<string> | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length !== "connection".length || lowerName(name) !== "connection") continue;
    const value = rawHeaders[i + 1] ?? "";
    // Nearly always this, which passes in no case.
    if (value === "keep-alive") continue;
    names ??= new Set();
    for (const name of value.split(",")) names.add(name.trim().toLowerCase());
  }
  return names ?? none;
}

/** What a header's name means, whatever its spelling. */
interface HeaderName {
  readonly lower: string;
  /** Not to be passed on to a browser. */
  readonly isForNobody: boolean;
  /** Not to be passed on from a client. */
  readonly isReserved: boolean;
}

/** Every request brings the same few names: reading each anew took longer than all the rest here. */
const knownNames = new Map<string, HeaderName>();
const maxKnownNames = 500;

function readName(name: string): HeaderName {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const isForNobody = hopByHop.has(lower) || banners.has(lower);
  const read = { lower, isForNobody, isReserved: isReserved(lower) };
  // Whoever sends ever new names fills this up once, and no further.
  if (knownNames.size < maxKnownNames) knownNames.set(name, read);
  return read;
}

function isReserved(lower: string): boolean {
  // CGI-like servers (WSGI among them) read `X_Forwarded_For` or `X.Forwarded.For` as the real one.
  const name = lower.replaceAll(/[^a-z0-9]/g, "-");
  if (name !== lower && framing.has(name)) return true;
  return hopByHop.has(name) || ownHeaders.has(name) || name.startsWith("x-forwarded-");
}
