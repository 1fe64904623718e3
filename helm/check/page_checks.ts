// The golden rule of styling and whole documents (contract §5), looked for in what the service answers
// and in the views in its folder: pages for people need a sign-in, and are not seen here.
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { countOf } from "../control/count_of.ts";
import { type Finding, failed, notTried, ok } from "./finding.ts";
import { findLinks, findStyling, isWholeDocument, type Spotted } from "./html_look.ts";
import type { ProbeAnswer } from "./probe.ts";
import type { Subject } from "./subject.ts";

/** Asks for what a browser could get here: the page itself if services may see it, and error pages. */
export async function visitPages({ door, probe, tokens }: Subject): Promise<void> {
  const accept = "text/html";
  const missing = `/check-${randomBytes(6).toString("hex")}`;
  const paths = new Set(["/", door.kind === "unknown" ? "/" : door.path, missing]);
  const token = "problem" in tokens ? undefined : tokens.own;
  for (const path of paths) {
    // No answer at all is for other checks to tell.
    for (const as of [undefined, token]) {
      await probe.get(path, { accept, token: as }).catch(() => undefined);
    }
  }
}

export function checkDocuments(subject: Subject): Finding {
  const seen = pagesOf(subject);
  if (seen.length === 0) return notTried("no answer was HTML; pages for people need a sign-in");
  const fragment = seen.find(({ body }) => !isWholeDocument(body));
  if (fragment !== undefined) {
    return failed(
      `GET ${fragment.path} (${fragment.status}) begins like no whole document`,
      "begin pages with <!DOCTYPE html>: Nexus puts styling and navigation into whole documents only",
    );
  }
  return ok(`${countOf(seen.length, "page")} seen, without a sign-in: ${statusesOf(seen)}`);
}

export async function checkStyling(subject: Subject): Promise<Finding> {
  const sources = await sourcesOf(subject);
  const found = spot(sources, findStyling);
  const remedy = "use the classes of nexus/static/global.css; Nexus alone has styling";
  if (found.length > 0) return failed(list(found), remedy);
  return sources.length === 0 ? notTried(noPages) : ok(`none in ${describe(sources)}`);
}

/** Of the platform's own pages, which a service may lead to (nexus/own_pages.ts). */
const ownPages = ["", "login", "logout", "sessions", "static", "keycloak", "favicon.ico"];

export async function checkLinks(subject: Subject): Promise<Finding> {
  const { name, services } = subject;
  const sources = await sourcesOf(subject);
  const known = new Set([...ownPages, ...services, name]);
  const leadsNowhere = ({ text }: Spotted) => {
    const [, first = ""] = /^\/([^/?#]*)/.exec(text) ?? [];
    // What a view fills in, such as {{prefix}}, is not known here.
    return /^[\w.~-]*$/.test(first) && !known.has(first);
  };
  const found = spot(sources, (html) => findLinks(html).filter(leadsNowhere));
  const remedy = `put the prefix before it (X-Forwarded-Prefix; in lib addPrefix, in Flask url_for): in a browser it is "/${name}/…"`;
  if (found.length > 0) return failed(list(found), remedy);
  return sources.length === 0 ? notTried(noPages) : ok(`all in ${describe(sources)}`);
}

const noPages = "no answer was HTML, and its folder has no views";

interface Source {
  readonly name: string;
  readonly html: string;
  readonly isFile: boolean;
}

async function sourcesOf(subject: Subject): Promise<Source[]> {
  const pages = pagesOf(subject).map(({ path, status, body }) => ({
    name: `GET ${path} (${status})`,
    html: body,
    isFile: false,
  }));
  return [...pages, ...(await readViews(subject))];
}

/** Each once, however often it was asked for with one token or another. */
function pagesOf({ probe }: Subject): ProbeAnswer[] {
  const isHtml = ({ headers }: ProbeAnswer) => /^text\/html\b/i.test(headers["content-type"] ?? "");
  const pages = probe.answers.filter(isHtml);
  return [...new Map(pages.map((page) => [`${page.status} ${page.path}`, page])).values()];
}

const viewFile = /\.(?:html?|mustache|hbs|ejs|jinja2?|j2|njk)$/;
const notItsOwn = new Set(["node_modules", "pyenv", "venv", ".venv", ".git", "instance"]);

/** What is in its folders `views` and `templates`, at whatever depth. */
async function readViews({ checkout, config, name }: Subject): Promise<Source[]> {
  const sources: Source[] = [];
  const others = Object.keys(config.apps).filter((app) => app !== name);
  const foreign = new Set(others.map((app) => checkout.appFolder(app)));
  const look = async (folder: string, isView: boolean): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        const areViews = isView || ["views", "templates"].includes(entry.name);
        if (!notItsOwn.has(entry.name) && !foreign.has(path)) await look(path, areViews);
      } else if (entry.isFile() && isView && viewFile.test(entry.name)) {
        const html = await readFile(path, "utf8");
        sources.push({ name: checkout.display(path), html, isFile: true });
      }
    }
  };
  await look(checkout.appFolder(name), false);
  return sources;
}

function spot(sources: readonly Source[], find: (html: string) => Spotted[]): string[] {
  return sources.flatMap(({ name, html, isFile }) =>
    find(html).map(({ line, text }) => `${text} in ${name}${isFile ? `:${line}` : ""}`),
  );
}

function describe(sources: readonly Source[]): string {
  const files = sources.filter(({ isFile }) => isFile).length;
  const pages = sources.length - files;
  return [
    ...(pages > 0 ? [countOf(pages, "page")] : []),
    ...(files > 0 ? [countOf(files, "view")] : []),
  ].join(" and ");
}

/** The first few; whoever mends those looks again. */
function list(found: readonly string[]): string {
  const more = found.length - 3;
  return found.slice(0, 3).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function statusesOf(answers: readonly { status: number }[]): string {
  return [...new Set(answers.map(({ status }) => status))].sort().join(", ");
}
