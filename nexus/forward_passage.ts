import type { Composition, Exchange, Forwarder, Upstream } from "./forward.ts";
import { type PublicFacts, requestHeaders } from "./forwarded_headers.ts";
import type { Passage } from "./passage.ts";
import type { RequestCounters } from "./request_counters.ts";

export interface ForwardingParts {
  readonly publicOrigin: URL;
  readonly publicFacts: PublicFacts;
  readonly forwarder: Forwarder;
  readonly counters: RequestCounters;
  readonly defaultHeaders: Readonly<Record<string, string>>;
}

/** What a passage brings to its upstream. */
export interface Sending {
  /** Path and query, below the upstream's own path. */
  readonly target: string;
  /** The user token for services, a client's own credential for the provider. */
  readonly authorization?: string | undefined;
  readonly content?: Buffer | undefined;
  readonly composition?: Composition | undefined;
}

/** @param name the first segment of the public path @param url as services.json has it */
export function createUpstream(name: string, url: string, publicOrigin: URL): Upstream {
  const upstreamUrl = new URL(url);
  return {
    name,
    upstreamUrl,
    origin: upstreamUrl.origin,
    basePath: upstreamUrl.pathname.replace(/\/$/, ""),
    publicOrigin: publicOrigin.origin,
    prefix: `/${name}`,
  };
}

/** What an upstream is sent: the client's headers and Nexus's own, name and value in turn. */
export function passageHeaders(
  publicFacts: PublicFacts,
  passage: Passage,
  { prefix }: Upstream,
  { authorization, composition }: Pick<Sending, "authorization" | "composition">,
): string[] {
  const { protocol, host, port } = publicFacts;
  return requestHeaders(passage.incoming.rawHeaders, {
    protocol,
    host,
    port,
    clientAddress: passage.address ?? "",
    prefix,
    requestId: passage.requestId,
    traceparent: passage.traceparent,
    authorization,
    cookie: passage.foreignCookies,
    mayBeComposed: composition?.isWanted ?? false,
  });
}

/** Sends a passage on; a failure before the answer's head is the passage's to answer. */
export function forwardPassage(
  { publicFacts, forwarder, counters, defaultHeaders }: ForwardingParts,
  passage: Passage,
  upstream: Upstream,
  sending: Sending,
): Exchange {
  passage.counters = counters.of(upstream.name);
  passage.counters.openRequests++;
  return forwarder.forward({
    request: passage,
    upstream,
    target: upstream.basePath + sending.target,
    headers: passageHeaders(publicFacts, passage, upstream, sending),
    defaultHeaders,
    content: sending.content,
    composition: sending.composition,
  });
}
