import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import type { UserClaims } from "@hivematrix/lib/token_verifier";
import { openServices } from "./access_rules.ts";
import { type Additions, toAsciiHtml } from "./compose_html.ts";
import type { Pages } from "./pages.ts";

/** What a page gains: stylesheet and script, and a panel with what this person may open. */
export function createAdditions(
  pages: Pages,
  {
    stylesheetUrl,
    scriptTag,
    user,
    services,
    current,
  }: {
    stylesheetUrl: string;
    /** Empty for a page that gets no script. */
    scriptTag: string;
    user: UserClaims;
    services: readonly ServiceEntry[];
    current: string;
  },
): Additions {
  return {
    head: toAsciiHtml(
      `<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="${stylesheetUrl}">`,
    ),
    script: toAsciiHtml(scriptTag),
    viewport: toAsciiHtml('<meta name="viewport" content="width=device-width, initial-scale=1">'),
    body: findPanel(pages, { user, services, current }),
  };
}

interface PanelParts {
  readonly user: UserClaims;
  readonly services: readonly ServiceEntry[];
  readonly current: string;
}

/**
 * The panels of each signed-in person by the open service, and the list of services that they show:
 * a new one is rendered when that list, or what is known of the person, is another object.
 */
const panels = new WeakMap<
  UserClaims,
  { services: readonly ServiceEntry[]; byService: Map<string, Buffer> }
>();

function findPanel(pages: Pages, parts: PanelParts): Buffer {
  const { user, services, current } = parts;
  let known = panels.get(user);
  if (known?.services !== services) {
    known = { services, byService: new Map() };
    panels.set(user, known);
  }
  let panel = known.byService.get(current);
  if (panel === undefined) {
    panel = renderPanel(pages, parts);
    known.byService.set(current, panel);
  }
  return panel;
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
