// The pages that Nexus answers itself: which there are, for whom, and by which methods.
import { html } from "@hivematrix/lib/responses";
import type { ServiceRegistry } from "@hivematrix/lib/service_registry";
import { openServices } from "./access_rules.ts";
import type { Compose } from "./composition.ts";
import type { CoreClient } from "./core_client.ts";
import { type IsReady, showHealth } from "./health.ts";
import { type FinishLoginParts, finishLogin } from "./keycloak_callback.ts";
import { beginLogin } from "./login.ts";
import { type LogOutParts, logOut } from "./logout.ts";
import {
  type OwnHandler,
  type OwnPage,
  type OwnRequest,
  readable,
  type SessionHandler,
} from "./own_request.ts";
import type { Pages } from "./pages.ts";
import type { Session, SessionCheck } from "./session_check.ts";
import { sessionStatePath, showSessionState } from "./session_state.ts";
import { sessionsPage } from "./sessions_page.ts";
import { serviceCard } from "./side_panel.ts";
import { limited, type SignInLimit } from "./sign_in_limit.ts";

type PageTable<Handler> = ReadonlyMap<string, OwnPage<Handler>>;

/** Pages that need no session, by path. */
export function openPages(
  parts: LogOutParts &
    FinishLoginParts & {
      readonly checkSession: SessionCheck;
      readonly isReady: IsReady;
      readonly signInLimit: SignInLimit;
    },
): PageTable<OwnHandler> {
  const { signInLimit } = parts;
  return new Map<string, OwnPage<OwnHandler>>([
    ["/health", readable(showHealth(parts.isReady))],
    ["/login", readable(limited(signInLimit, beginLogin(parts)))],
    // Not HEAD: it would use up the attempt and throw the session away.
    ["/keycloak-callback", { methods: ["GET"], handler: limited(signInLimit, finishLogin(parts)) }],
    ["/logout", { methods: ["GET", "POST"], handler: logOut(parts) }],
    // Open, so that "no" is an answer there and no error in the browser's console.
    [sessionStatePath, readable(showSessionState(parts))],
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
  compose,
}: {
  core: CoreClient;
  pages: Pages;
  registry: ServiceRegistry;
  compose: Compose;
}): PageTable<SessionHandler> {
  const composeOwn = (page: string, session: Session, current: string) => {
    const own = ["content-security-policy", pages.contentSecurityPolicy()];
    const { headers, composer } = compose(own, session, current);
    const parts = [...composer.push(Buffer.from(page)), ...composer.end()];
    return html(Buffer.concat(parts).toString(), { headers: toPairs(headers) });
  };
  const home: SessionHandler = (_request, session) => {
    const { user } = session;
    const services = openServices(registry.list(), user.permission_level).map(serviceCard);
    const page = pages.render("home", { user, services, has_services: services.length > 0 });
    return composeOwn(page, session, "");
  };
  const sessions = sessionsPage({
    core,
    pages,
    compose: (page, session) => composeOwn(page, session, "sessions"),
  });
  return new Map<string, OwnPage<SessionHandler>>([
    ["/", readable(home)],
    ["/api/me", readable(describeCaller)],
    ["/sessions", { methods: ["GET", "HEAD", "POST"], handler: sessions }],
  ]);
}

function toPairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ""]] : []));
}

/** GET /api/me: who is signed in, for scripts of services. */
function describeCaller(_request: OwnRequest, { user }: Session): Response {
  const { sub, name, email, preferred_username, permission_level, groups, exp } = user;
  const body = { sub, name, email, preferred_username, permission_level, groups, exp };
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}
