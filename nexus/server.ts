import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { join } from "node:path";
import type { Log } from "@hivematrix/lib/log";
import { html } from "@hivematrix/lib/responses";
import { handUpgradesTo } from "@hivematrix/lib/serve";
import { createServiceRegistry } from "@hivematrix/lib/service_registry";
import { SettingsError } from "@hivematrix/lib/settings";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import { createViews } from "@hivematrix/lib/views";
import { openServices } from "./access_rules.ts";
import { HtmlComposer } from "./compose_html.ts";
import { cookieNames } from "./cookie_names.ts";
import { type CoreClient, createCoreClient } from "./core_client.ts";
import { createForwarder, type UpstreamTimeouts } from "./forward.ts";
import { createGateway, type GatewayParts } from "./gateway.ts";
import { finishLogin } from "./keycloak_callback.ts";
import { beginLogin } from "./login.ts";
import { LoginAttempts } from "./login_attempt.ts";
import { logOut } from "./logout.ts";
import type { NexusSettings } from "./nexus_settings.ts";
import { OpenConnections } from "./open_connections.ts";
import {
  type OwnHandler,
  type OwnPage,
  type OwnRequest,
  readable,
  type SessionHandler,
} from "./own_request.ts";
import { createPages } from "./pages.ts";
import { createProvider } from "./provider.ts";
import { defaultHeaders } from "./response_headers.ts";
import { RevocationFeed } from "./revocation_feed.ts";
import { createSealedBox } from "./sealed_box.ts";
import { createSessionCheck, type Session } from "./session_check.ts";
import { createSessionCookie } from "./session_cookie.ts";
import { sessionsPage } from "./sessions_page.ts";
import { createAdditions, serviceCard } from "./side_panel.ts";
import { readStaticFiles } from "./static_files.ts";
import { TrustedSessions } from "./trusted_sessions.ts";
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
  { timeoutsMs }: { timeoutsMs?: UpstreamTimeouts | undefined } = {},
): Nexus {
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
  const attempts = new LoginAttempts(box, names, { isSecure });
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
  const forwarder = createForwarder(timeoutsMs);
  const { feed, trusted, connections } = openFeed(settings, core, log);

  const additions = ({ user }: Session, current: string) =>
    createAdditions(pages, stylesheetUrl, { user, services: registry.list(), current });
  const compose = (page: string, session: Session, current = "") => {
    const composer = new HtmlComposer(additions(session, current));
    return Buffer.concat([...composer.push(Buffer.from(page)), ...composer.end()]).toString();
  };
  const home = (_request: OwnRequest, session: Session) => {
    const { user } = session;
    const services = openServices(registry.list(), user.permission_level).map(serviceCard);
    const page = pages.render("home", { user, services, has_services: services.length > 0 });
    const headers = { "content-security-policy": pages.contentSecurityPolicy() };
    return html(compose(page, session), { headers });
  };
  const sessions = sessionsPage({
    core,
    pages,
    compose: (page, session) => compose(page, session, "sessions"),
  });
  const openPages = new Map<string, OwnPage<OwnHandler>>([
    ["/health", readable(() => Response.json({ status: "ok", service: "nexus" }))],
    ["/login", readable(beginLogin(provider, attempts))],
    [
      "/keycloak-callback",
      // Not HEAD: it would use up the attempt and throw the session away.
      {
        methods: ["GET"],
        handler: finishLogin({ provider, core, attempts, sessionCookie, pages }),
      },
    ],
    [
      "/logout",
      {
        methods: ["GET", "POST"],
        handler: logOut({ core, sessionCookie, names, pages, isSecure }),
      },
    ],
    // Crawlers have nothing to find here, and browsers ask for an icon whatever a page says.
    ["/robots.txt", readable(() => new Response("User-agent: *\nDisallow: /\n"))],
    ["/favicon.ico", readable(() => new Response(null, { status: 204 }))],
  ]);
  const parts: GatewayParts = {
    publicOrigin,
    log,
    pages,
    registry,
    forwarder,
    sessionCookie,
    checkSession: createSessionCheck(verifier, core, trusted),
    defaultHeaders: defaultHeaders(isSecure),
    openPages,
    sessionPages: new Map<string, OwnPage<SessionHandler>>([
      ["/", readable(home)],
      ["/api/me", readable(describeCaller)],
      ["/sessions", { methods: ["GET", "HEAD", "POST"], handler: sessions }],
    ]),
    staticFiles: staticFiles.answer,
    keycloakUrl: settings.KEYCLOAK_BACKEND_URL,
    additions,
    connections,
  };
  const gateway = createGateway(parts);
  const server =
    settings.TLS_CERT_FILE === undefined
      ? createHttpServer(limits, gateway)
      : createHttpsServer({ ...limits, ...readCertificate(settings) }, gateway);
  server.timeout = idleTimeoutMs;
  handUpgradesTo(server, createUpgradeHandler(parts, gateway));
  return {
    server,
    close: async () => {
      feed.close();
      connections.close();
      await Promise.all([core.close(), provider.close(), forwarder.close()]);
    },
  };
}

/** How soon a look at what was open before the feed was is repeated: by then, no answer is out. */
const recheckAfterMs = 15_000;

/** Listens to which sessions end, and ends what belongs to them here. */
function openFeed(
  { CORE_SERVICE_URL, SERVICE_SECRET }: NexusSettings,
  core: CoreClient,
  log: Log,
): { feed: RevocationFeed; trusted: TrustedSessions; connections: OpenConnections } {
  const trusted = new TrustedSessions(() => feed);
  const connections = new OpenConnections((hash) => trusted.hasEnded(hash));
  const recheck = () =>
    connections.recheck(core.isLive).catch((error: unknown) => {
      log.warn("open connections could not be checked", { error });
    });
  const feed = new RevocationFeed({
    coreUrl: CORE_SERVICE_URL,
    serviceSecret: SERVICE_SECRET,
    log,
    onEnded: (hashes) => {
      trusted.end(hashes);
      connections.cut(hashes);
    },
    onEpoch: () => {
      trusted.clear();
      void recheck();
      // A connection may be waiting for an answer about its session that was read before.
      setTimeout(recheck, recheckAfterMs).unref();
    },
    takeSeen: () => trusted.takeSeen(),
  });
  return { feed, trusted, connections };
}

/** Milliseconds without a byte in either direction after which a connection is dropped. */
const idleTimeoutMs = 610_000;

const limits = {
  // Sign-in attempts carry the addresses they lead back to, and several tabs have several.
  maxHeaderSize: 64 * 1024,
  headersTimeout: 60_000,
  // An upload may take as long as it goes on: only silence ends it.
  requestTimeout: 0,
};

/** GET /api/me: who is signed in, for scripts of services. */
function describeCaller(_request: OwnRequest, { user }: Session): Response {
  const { sub, name, email, preferred_username, permission_level, groups, exp } = user;
  const body = { sub, name, email, preferred_username, permission_level, groups, exp };
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

function readCertificate({ TLS_CERT_FILE = "", TLS_KEY_FILE = "" }: NexusSettings) {
  try {
    return {
      cert: readFileSync(TLS_CERT_FILE),
      key: readFileSync(TLS_KEY_FILE),
      minVersion: "TLSv1.2" as const,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError(
      `Cannot start nexus: the certificate in TLS_CERT_FILE and TLS_KEY_FILE cannot be read (${reason}); mend it with "helm config set" and run "helm config sync-all"`,
      { cause: error },
    );
  }
}
