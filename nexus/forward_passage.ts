import { isGatewayCookie } from "./cookie_names.ts";
import type { Composition, Forwarder } from "./forward.ts";
import { requestHeaders } from "./forwarded_headers.ts";
import type { Passage } from "./passage.ts";

export interface ForwardingParts {
  readonly publicOrigin: URL;
  readonly forwarder: Forwarder;
  readonly defaultHeaders: Readonly<Record<string, string>>;
}

/** Where a passage leads. */
export interface Upstream {
  /** The first segment of the public path. */
  readonly name: string;
  readonly url: URL;
  /** Path and query, below the upstream's own path. */
  readonly target: string;
  /** The user token, for services. */
  readonly bearer?: string | undefined;
  /** Further headers, name and value in turn. */
  readonly headers?: readonly string[];
  readonly composition?: Composition | undefined;
}

/** What an upstream is sent: the client's headers and Nexus's own, name and value in turn. */
export function passageHeaders(
  publicOrigin: URL,
  { incoming, headers, requestId, traceparent }: Passage,
  { name, bearer, composition }: Pick<Upstream, "name" | "bearer" | "composition">,
): string[] {
  const isSecure = publicOrigin.protocol === "https:";
  return requestHeaders(incoming.rawHeaders, {
    clientAddress: incoming.socket.remoteAddress ?? "",
    protocol: publicOrigin.protocol.slice(0, -1),
    host: publicOrigin.host,
    port: publicOrigin.port || (isSecure ? "443" : "80"),
    prefix: `/${name}`,
    requestId,
    traceparent,
    bearer,
    cookie: foreignCookies(headers.cookie),
    mayBeComposed: composition?.isWanted ?? false,
  });
}

/** Sends a passage on. @throws {HttpError} 502, 504 */
export async function forwardPassage(
  { publicOrigin, forwarder, defaultHeaders }: ForwardingParts,
  passage: Passage,
  upstream: Upstream,
): Promise<void> {
  const { incoming, outgoing } = passage;
  const { name, url, target, composition } = upstream;
  const sent = passageHeaders(publicOrigin, passage, upstream);
  await forwarder.forward({
    incoming,
    outgoing,
    service: name,
    target: url.pathname.replace(/\/$/, "") + target,
    headers: [...sent, ...(upstream.headers ?? [])],
    addresses: { upstreamUrl: url, publicOrigin: publicOrigin.origin, prefix: `/${name}` },
    defaultHeaders,
    composition,
  });
}

/** The Cookie header without what is a gateway's own: a service must not get a session to replay. */
function foreignCookies(header: string | undefined): string {
  return (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => {
      const name = pair.split("=", 1)[0]?.trim() ?? "";
      return name !== "" && !isGatewayCookie(name);
    })
    .join("; ");
}
