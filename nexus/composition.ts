import type { ServiceRegistry } from "@hivematrix/lib/service_registry";
import { HtmlComposer } from "./compose_html.ts";
import { composedHeaders, enforcedPolicies } from "./composition_rules.ts";
import { createScriptNonce, mayAddScript } from "./content_policy.ts";
import { KnownHeads } from "./known_heads.ts";
import type { Pages } from "./pages.ts";
import type { Session } from "./session_check.ts";
import { markPerson, sessionStatePath } from "./session_state.ts";
import { createAdditions } from "./side_panel.ts";

/** How one document is composed: its headers, name and value in turn, and what its content goes through. */
export interface Composed {
  readonly headers: string[];
  readonly composer: HtmlComposer;
}

/**
 * Composes a document for the session that asked for it.
 *
 * @param headers the document's own, name and value in turn
 * @param current the service that is open
 */
export type Compose = (headers: readonly string[], session: Session, current: string) => Composed;

export interface CompositionParts {
  readonly pages: Pages;
  readonly registry: ServiceRegistry;
  readonly publicOrigin: URL;
  readonly stylesheetUrl: string;
  /** The address of static/session_watch.js. */
  readonly scriptUrl: string;
}

/** Stylesheet, side panel and the script that says when the session has ended, and leave for these. */
export function createCompose({
  pages,
  registry,
  publicOrigin: { origin },
  stylesheetUrl,
  scriptUrl,
}: CompositionParts): Compose {
  const sources = { stylesheets: `${origin}/static/`, logout: `${origin}/logout` };
  const { stylesheets, logout } = sources;
  const [url, asks] = [origin + scriptUrl, origin + sessionStatePath];
  const knownHeads = new Map<string, KnownHeads>();
  const headsOf = (service: string): KnownHeads => {
    let heads = knownHeads.get(service);
    if (heads === undefined) {
      heads = new KnownHeads();
      knownHeads.set(service, heads);
    }
    return heads;
  };
  const findAdditions = createAdditions({ pages, stylesheetUrl });
  return (headers, session, current) => {
    const policies = enforcedPolicies(headers);
    // Most services have no policy, and then there is nobody to prove anything to.
    const nonce = policies === "" ? "" : createScriptNonce();
    const isWatched = mayAddScript(policies);
    const added = isWatched ? { stylesheets, logout, script: { url, asks, nonce } } : sources;
    const scriptTag = isWatched ? formatScriptTag(scriptUrl, nonce, session) : "";
    const { head, viewport, body } = findAdditions({
      user: session.user,
      services: registry.list(),
      current,
    });
    const additions = { head, viewport, body, script: Buffer.from(scriptTag, "latin1") };
    return {
      headers: composedHeaders(headers, added),
      composer: new HtmlComposer(additions, headsOf(current)),
    };
  };
}

/** All values are of letters, digits and signs that mean nothing in an attribute. */
function formatScriptTag(scriptUrl: string, nonce: string, { user }: Session): string {
  const endsInSeconds = Math.max(0, Math.floor(user.exp - Date.now() / 1000));
  const data = `data-person="${markPerson(user)}" data-ends-in="${endsInSeconds}"`;
  const proof = nonce === "" ? "" : ` nonce="${nonce}"`;
  return `<script async${proof} src="${scriptUrl}" ${data}></script>`;
}
