import { HttpError } from "@hivematrix/lib/http_error";
import type { ServiceEntry, ServiceRegistry } from "@hivematrix/lib/service_registry";
import { type Denial, findDenial, reservedNames } from "./access_rules.ts";
import { pathBelow } from "./canonical_target.ts";
import type { Compose } from "./composition.ts";
import { asksForDocument } from "./composition_rules.ts";
import type { Upstream } from "./forward.ts";
import { createUpstream, type ForwardingParts, forwardPassage } from "./forward_passage.ts";
import type { OpenConnections } from "./open_connections.ts";
import type { Pages } from "./pages.ts";
import type { Passage } from "./passage.ts";
import { refuseAccess } from "./refusal.ts";
import type { Session } from "./session_check.ts";

export interface ServiceProxyParts extends ForwardingParts {
  readonly pages: Pages;
  readonly registry: ServiceRegistry;
  readonly compose: Compose;
  /** Where answers under way are kept, to be cut when their session ends. */
  readonly connections: OpenConnections;
}

/**
 * /<service>/…: who may open it, and on to it with the user's token.
 *
 * @returns the refusal; `undefined` once the request is on its way to the service
 * @throws {HttpError} 404 without such a service
 */
export function forwardToService(
  parts: ServiceProxyParts,
  passage: Passage,
  session: Session,
): Response | undefined {
  const { target, headers, outgoing } = passage;
  const { entry, rest, denial } = findService(parts.registry, target.path, session);
  if (denial !== undefined) return refuseAccess(parts.pages, passage, { entry, denial, session });
  // Relative links of a service's first page only work below its slash.
  if (rest === "") {
    const location = `/${entry.name}/${target.query}`;
    return new Response(null, { status: 308, headers: { location, "cache-control": "no-store" } });
  }
  // Gone while Core was asked: its close has been seen, so nothing would end what begins now.
  if (outgoing.destroyed) return undefined;
  passage.session = session;
  if (!parts.connections.add(session, passage)) return undefined;
  passage.exchange = forwardPassage(parts, passage, findUpstream(entry, parts.publicOrigin), {
    target: rest + target.query,
    authorization: session.authorization,
    composition: {
      isWanted: asksForDocument(headers),
      compose: (own) => parts.compose(own, session, entry.name),
    },
  });
  return undefined;
}

const upstreams = new WeakMap<ServiceEntry, Upstream>();

/** An entry's address in parts, read once. */
export function findUpstream(entry: ServiceEntry, publicOrigin: URL): Upstream {
  let upstream = upstreams.get(entry);
  if (upstream === undefined) {
    upstream = createUpstream(entry.name, entry.url, publicOrigin);
    upstreams.set(entry, upstream);
  }
  return upstream;
}

/** The service that a path leads to, and whether this person may open it. @throws {HttpError} 404 */
export function findService(
  registry: ServiceRegistry,
  path: string,
  { user }: Session,
): { entry: ServiceEntry; rest: string; denial: Denial | undefined } {
  const slash = path.indexOf("/", 1);
  const name = slash < 0 ? path.slice(1) : path.slice(1, slash);
  const entry = reservedNames.has(name) ? undefined : registry.find(name);
  if (entry === undefined) throw new HttpError(404, `There is no service at ${path}`);
  const rest = slash < 0 ? "" : pathBelow(path, name);
  return { entry, rest, denial: findDenial(entry, user.permission_level) };
}
