// The pages that Nexus answers itself: which there are, for whom, and by which methods.
import { html } from "@hivematrix/lib/responses";
import type { ServiceRegistry } from "@hivematrix/lib/service_registry";
import { openServices } from "./access_rules.ts";
import { type Additions, HtmlComposer } from "./compose_html.ts";
import type { CoreClient } from "./core_client.ts";
import { finishLogin } from "./keycloak_callback.ts";
import { beginLogin } from "./login.ts";
import type { LoginAttempts } from "./login_attempt.ts";
import { type LogOutParts, logOut } from "./logout.ts";
import {
  type OwnHandler,
  type OwnPage,
  type OwnRequest,
  readable,
  type SessionHandler,
} from "./own_request.ts";
import type { Pages } from "./pages.ts";
import type { Session } from "./session_check.ts";
import { sessionsPage } from "./sessions_page.ts";
import { serviceCard } from "./side_panel.ts";

type PageTable<Handler> = ReadonlyMap<string, OwnPage<Handler>>;

/** Pages that need no session, by path. */
export function openPages(
  parts: LogOutParts & { readonly attempts: LoginAttempts },
): PageTable<OwnHandler> {
  return new Map<string, OwnPage<OwnHandler>>([
    ["/health", readable(() => Response.json({ status: "ok", service: "nexus" }))],
    ["/login", readable(beginLogin(parts))],
    // Not HEAD: it would use up the attempt and throw the session away.
    ["/keycloak-callback", { methods: ["GET"], handler: finishLogin(parts) }],
    ["/logout", { methods: ["GET", "POST"], handler: logOut(parts) }],
    // Crawlers have nothing to find here, and browsers ask for an icon whatever a page says.
    ["/robots.txt", readable(() => new Response("User-agent: *\nDisallow: /\n"))],
    ["/favicon.ico", readable(() => new Response(null, { status: 204 }))],
  ]);
}

/** Pages for whoever is signed in, by path. */
export function sessionPages({
  core,
  pages,
  registry,
  additions,
}: {
  core: CoreClient;
  pages: Pages;
  registry: ServiceRegistry;
  additions: (session: Session, current: string) => Additions;
}): PageTable<SessionHandler> {
  const compose = (page: string, session: Session, current: string) => {
    const composer = new HtmlComposer(additions(session, current));
    return Buffer.concat([...composer.push(Buffer.from(page)), ...composer.end()]).toString();
  };
  const home: SessionHandler = (_request, session) => {
    const { user } = session;
    const services = openServices(registry.list(), user.permission_level).map(serviceCard);
    const page = pages.render("home", { user, services, has_services: services.length > 0 });
    const headers = { "content-security-policy": pages.contentSecurityPolicy() };
    return html(compose(page, session, ""), { headers });
  };
  const sessions = sessionsPage({
    core,
    pages,
    compose: (page, session) => compose(page, session, "sessions"),
  });
  return new Map<string, OwnPage<SessionHandler>>([
    ["/", readable(home)],
    ["/api/me", readable(describeCaller)],
    ["/sessions", { methods: ["GET", "HEAD", "POST"], handler: sessions }],
  ]);
}

/** GET /api/me: who is signed in, for scripts of services. */
function describeCaller(_request: OwnRequest, { user }: Session): Response {
  const { sub, name, email, preferred_username, permission_level, groups, exp } = user;
  const body = { sub, name, email, preferred_username, permission_level, groups, exp };
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}
