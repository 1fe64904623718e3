import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import type { UserClaims } from "@hivematrix/lib/token_verifier";
import { openServices } from "./access_rules.ts";
import { type Additions, toAsciiHtml } from "./compose_html.ts";
import type { Pages } from "./pages.ts";

interface PanelParts {
  readonly user: UserClaims;
  readonly services: readonly ServiceEntry[];
  readonly current: string;
}

/** The script is another one for each page. */
type LastingAdditions = Omit<Additions, "script">;

interface KnownAdditions {
  readonly services: readonly ServiceEntry[];
  readonly byService: Map<string, LastingAdditions>;
}

/**
 * What a page gains: the stylesheet, and a panel with what this person may open. Made once for each
 * signed-in person and open service: again when the list of services, or what is known of the person,
 * is another object.
 */
export function createAdditions({
  pages,
  stylesheetUrl,
}: {
  pages: Pages;
  stylesheetUrl: string;
}): (parts: PanelParts) => LastingAdditions {
  const known = new WeakMap<UserClaims, KnownAdditions>();
  const head = toAsciiHtml(
    `<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="${stylesheetUrl}">`,
  );
  const viewport = toAsciiHtml(
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
  );
  return (parts) => {
    const { user, services, current } = parts;
    let ofPerson = known.get(user);
    if (ofPerson?.services !== services) {
      ofPerson = { services, byService: new Map() };
      known.set(user, ofPerson);
    }
    let additions = ofPerson.byService.get(current);
    if (additions === undefined) {
      additions = { head, viewport, body: renderPanel(pages, parts) };
      ofPerson.byService.set(current, additions);
    }
    return additions;
  };
}

function renderPanel(pages: Pages, { user, services, current }: PanelParts): Buffer {
  const panel = pages.render("side_panel", {
    home_url: "/",
    home_current: current === "",
    logout_url: "/logout",
    sessions_url: "/sessions",
    services: openServices(services, user.permission_level).map((entry) => ({
      ...serviceCard(entry),
      current: entry.name === current,
    })),
    user: {
      name: user.name,
      permission_level: user.permission_level,
      initials: readInitials(user.name),
    },
  });
  // The view's last line end would be a text of its own in the service's page.
  return toAsciiHtml(panel.trim());
}

/** What navigation shows of a service. */
export function serviceCard(entry: ServiceEntry) {
  const title = entry.title ?? entry.name.replace(/^./, (first) => first.toUpperCase());
  return {
    name: entry.name,
    title,
    url: `/${entry.name}/`,
    icon: entry.icon ?? [...title][0] ?? "",
    description: entry.description ?? "",
  };
}

function readInitials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}
