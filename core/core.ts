import type { ServiceRegistry } from "@hivematrix/lib/service_registry";
import type { RotatingKeys } from "./key_ring.ts";
import type { Keycloak } from "./keycloak.ts";
import type { RevocationFeeds } from "./revocation_feeds.ts";
import type { ServiceCredentials } from "./service_credentials.ts";
import type { EndSessions } from "./session_ending.ts";
import type { SessionStore } from "./session_store.ts";
import type { Tokens } from "./tokens.ts";

/** All that Core's handlers work with. */
export interface Core {
  readonly sessions: SessionStore;
  /** The one way in which sessions end. */
  readonly endSessions: EndSessions;
  readonly feeds: RevocationFeeds;
  readonly idleSeconds: number | undefined;
  readonly sessionLifetimeSeconds: number;
  readonly keys: RotatingKeys;
  readonly tokens: Tokens;
  readonly keycloak: Keycloak;
  readonly credentials: ServiceCredentials;
  readonly registry: ServiceRegistry;
}
