import type { Server } from "node:http";
import { join } from "node:path";
import type { Log } from "@hivematrix/lib/log";
import { PasswordThrottle } from "@hivematrix/lib/password_throttle";
import { handUpgradesTo } from "@hivematrix/lib/serve";
import { createServiceClient } from "@hivematrix/lib/service_client";
import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import { createViews } from "@hivematrix/lib/views";
import { createClientAddress, createIsTrusted } from "./client_address.ts";
import { createCompose } from "./composition.ts";
import { limitConnections } from "./connection_limit.ts";
import { cookieNames } from "./cookie_names.ts";
import { type CoreClient, createCoreClient } from "./core_client.ts";
import { FiguresPush } from "./figures_push.ts";
import { createForwarder, type UpstreamTimeouts } from "./forward.ts";
import { readPublicFacts } from "./forwarded_headers.ts";
import { createGateway, type GatewayParts } from "./gateway.ts";
import type { IsReady } from "./health.ts";
import { createKeycloakUpstream } from "./keycloak_proxy.ts";
import { KnownBrowsers } from "./known_browsers.ts";
import { defaultLimits } from "./limits.ts";
import { createServer } from "./listener.ts";
import { LoginAttempts } from "./login_attempt.ts";
import type { NexusSettings } from "./nexus_settings.ts";
import { OpenConnections } from "./open_connections.ts";
import { openPages, sessionPages } from "./own_pages.ts";
import { createPages } from "./pages.ts";
import { createPasswordGuard } from "./password_guard.ts";
import { createProvider } from "./provider.ts";
import { RequestCounters } from "./request_counters.ts";
import { defaultHeaders, ownHeaders } from "./response_headers.ts";
import { RevocationFeed } from "./revocation_feed.ts";
import { createSealedBox } from "./sealed_box.ts";
import { createSessionCheck } from "./session_check.ts";
import { createSessionCookie } from "./session_cookie.ts";
import { createSignInLimit } from "./sign_in_limit.ts";
import { readStaticFiles } from "./static_files.ts";
import { TrustedSessions } from "./trusted_sessions.ts";
import { answerUnreadableRequests } from "./unreadable_request.ts";
import { LocalUsedStates, type UsedStates } from "./used_states.ts";
import { createUpgradeHandler } from "./websocket_upgrade.ts";

export interface Nexus {
  /** Not listening yet. */
  readonly server: Server;
  /** Lets go of the connections to Core, provider and services. */
  close(): Promise<void>;
}

/** Builds the gateway from its settings. @throws {SettingsError} for a certificate that cannot be used */
export function createNexus(
  settings: NexusSettings,
  servicesFile: string,
  log: Log,
  options: {
    readonly timeoutsMs?: UpstreamTimeouts | undefined;
    /** Common to all processes of this gateway; without them it serves alone. */
    readonly usedStates?: UsedStates;
    readonly isReady?: IsReady;
    /** How often Helm is told of the requests. */
    readonly figuresEveryMs?: number;
  } = {},
): Nexus {
  const { timeoutsMs, usedStates = new LocalUsedStates(), isReady = () => true } = options;
  const { figuresEveryMs } = options;
  const publicOrigin = new URL(settings.NEXUS_SERVICE_URL);
  const isSecure = publicOrigin.protocol === "https:";
  const folder = import.meta.dirname;

  const staticFiles = readStaticFiles(join(folder, "static"));
  const stylesheetUrl = staticFiles.url("global.css");
  const pages = createPages(createViews(join(folder, "views")), stylesheetUrl, publicOrigin);
  const registry = createServiceRegistry(servicesFile);
  const names = cookieNames(publicOrigin);
  const box = createSealedBox(settings.SECRET_KEY);
  const sessionCookie = createSessionCookie(box, names, { isSecure });
  const attempts = new LoginAttempts(box, names, { isSecure, usedStates });
  const core = createCoreClient(settings.CORE_SERVICE_URL);
  const verifier = createTokenVerifier({
    coreUrl: settings.CORE_SERVICE_URL,
    service: "nexus",
    issuer: settings.JWT_ISSUER,
  });
  const provider = createProvider({
    publicUrl: settings.KEYCLOAK_SERVER_URL,
    backendUrl: settings.KEYCLOAK_BACKEND_URL,
    realm: settings.KEYCLOAK_REALM,
    clientId: settings.KEYCLOAK_CLIENT_ID,
    clientSecret: settings.KEYCLOAK_CLIENT_SECRET,
    redirectUri: new URL("/keycloak-callback", publicOrigin).href,
  });
  const { limits = defaultLimits, trustedProxies = [] } = settings;
  const signInLimit = createSignInLimit(limits.sign_in_requests_per_minute);
  const { passwordLimits } = settings;
  const knownBrowsers = passwordLimits && new KnownBrowsers(box, names, { isSecure });
  const guardPasswords =
    knownBrowsers && createPasswordGuard(new PasswordThrottle(passwordLimits), knownBrowsers);
  const forwarder = createForwarder(timeoutsMs, limits.body_idle_seconds * 1000);
  const counters = new RequestCounters();
  const client = createServiceClient({
    service: "nexus",
    serviceSecret: settings.SERVICE_SECRET,
    coreUrl: settings.CORE_SERVICE_URL,
    registry,
  });
  const figuresPush = new FiguresPush({ counters, client, registry, log }, figuresEveryMs);
  const { feed, trusted, connections, endHere } = openFeed(settings, core, log);

  const scriptUrl = staticFiles.url("session_watch.js");
  const compose = createCompose({ pages, registry, publicOrigin, stylesheetUrl, scriptUrl });
  const checkSession = createSessionCheck(verifier, core, trusted);
  const parts: GatewayParts = {
    publicOrigin,
    publicFacts: readPublicFacts(publicOrigin),
    log,
    limits,
    readClientAddress: createClientAddress(trustedProxies),
    signInLimit,
    guardPasswords,
    pages,
    registry,
    forwarder,
    counters,
    sessionCookie,
    checkSession,
    defaultHeaders: defaultHeaders(isSecure),
    ownHeaders: ownHeaders(isSecure),
    openPages: openPages({
      provider,
      core,
      attempts,
      sessionCookie,
      knownBrowsers,
      names,
      pages,
      isSecure,
      endHere,
      checkSession,
      isReady,
      signInLimit,
    }),
    sessionPages: sessionPages({ core, pages, registry, compose }),
    staticFiles: staticFiles.answer,
    keycloak: createKeycloakUpstream(settings, publicOrigin),
    realm: settings.KEYCLOAK_REALM,
    compose,
    connections,
  };
  const gateway = createGateway(parts);
  const server = createServer(settings, gateway);
  answerUnreadableRequests(server, log);
  const isExempt = createIsTrusted(trustedProxies);
  limitConnections(server, limits.connections_per_address, { log, isExempt });
  handUpgradesTo(server, createUpgradeHandler(parts, gateway, timeoutsMs?.head));
  return {
    server,
    close: async () => {
      connections.close();
      const parts = [feed, core, provider, forwarder, figuresPush];
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}

/** Listens to which sessions end, and ends what belongs to them here. */
function openFeed(
  { CORE_SERVICE_URL, SERVICE_SECRET }: NexusSettings,
  core: CoreClient,
  log: Log,
): {
  feed: RevocationFeed;
  trusted: TrustedSessions;
  connections: OpenConnections;
  endHere: (hashes: readonly string[]) => void;
} {
  const trusted = new TrustedSessions(() => feed);
  const connections = new OpenConnections(
    {
      hasEnded: (hash) => trusted.hasEnded(hash),
      isTrusted: ({ token }) => trusted.find(token, { isUse: false }) !== undefined,
      isFeedAlive: () => feed.isAlive,
      async isLive(session) {
        const question = trusted.ask();
        const isLive = await core.isLive(session.token, { isUse: false });
        if (isLive) question.remember(session, { isUse: false });
        return isLive;
      },
    },
    log,
  );
  const endHere = (hashes: readonly string[]) => {
    trusted.end(hashes);
    connections.cut(hashes);
  };
  const feed = new RevocationFeed({
    coreUrl: CORE_SERVICE_URL,
    serviceSecret: SERVICE_SECRET,
    log,
    onEnded: endHere,
    onEpoch: () => trusted.clear(),
    onAlive: () => void connections.askAboutDoubtful(),
    takeSeen: () => trusted.takeSeen(),
  });
  return { feed, trusted, connections, endHere };
}
