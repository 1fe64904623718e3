// What a service's own Content-Security-Policy says to what Nexus adds to its pages. A policy keeps its
// strictness: it lets in the stylesheet, the logout form and one script, each by its address.
import { randomBytes } from "node:crypto";

/** Where the additions are, in full: a policy's 'self' may mean something else to it. */
export interface AddedSources {
  readonly stylesheets: string;
  readonly logout: string;
  /** Absent from pages that get no script. */
  readonly script?: { readonly url: string; readonly asks: string; readonly nonce: string };
}

/**
 * Whether the script may be put into a page. Where it could not work (a sandbox takes cookies and
 * scripts away) or where a page watches its scripts more closely than an address can answer for, it
 * is left out, and nothing is said in the browser's console.
 *
 * @param policies all policies that are enforced, joined by commas
 */
export function mayAddScript(policies: string): boolean {
  if (policies === "") return true;
  return !readPolicies(policies)
    .flat()
    .some((directive) => /^(?:sandbox|require-trusted-types-for)$/i.test(nameOf(directive)));
}

/** What proves the script in policies with 'strict-dynamic', to which addresses mean nothing. */
export function createScriptNonce(): string {
  return randomBytes(16).toString("base64");
}

/** @param policies the value of one header, which may hold several */
export function allowAdditions(policies: string, sources: AddedSources): string {
  return readPolicies(policies)
    .map((directives) => {
      allowSource(directives, ["style-src-elem", "style-src"], () => sources.stylesheets);
      allowSource(directives, ["form-action"], () => sources.logout);
      if (sources.script !== undefined) allowScript(directives, sources.script);
      return directives.join("; ");
    })
    .join(", ");
}

function allowScript(
  directives: string[],
  { url, asks, nonce }: NonNullable<AddedSources["script"]>,
): void {
  // Not the nonce everywhere: beside one, a service's own 'unsafe-inline' would count no more
  // (CSP Level 3 §6.7.3.2). With 'strict-dynamic' it does not count in any case.
  const isStrict = (directive: string) => /\s'strict-dynamic'(?:\s|$)/i.test(directive);
  allowSource(directives, ["script-src-elem", "script-src"], (directive) =>
    isStrict(directive) ? `'nonce-${nonce}'` : url,
  );
  allowSource(directives, ["connect-src"], () => asks);
}

/** Each policy as its directives. */
function readPolicies(policies: string): string[][] {
  return policies.split(",").map((policy) =>
    policy
      .split(";")
      .map((directive) => directive.trim())
      .filter((directive) => directive !== ""),
  );
}

/**
 * Adds a source to the first directive that is there; all but `form-action` fall back to
 * `default-src` (CSP Level 3 §6.8.3), whose sources are then repeated under the last name.
 */
function allowSource(
  directives: string[],
  names: readonly string[],
  sourceFor: (directive: string) => string,
): void {
  const find = (name: string) =>
    directives.findIndex((directive) => nameOf(directive).toLowerCase() === name);
  const add = (directive: string) => addSource(directive, sourceFor(directive));
  const at = names.map(find).find((index) => index >= 0);
  const fallback = directives[find("default-src")];
  const last = names.at(-1) ?? "";
  if (at !== undefined) directives[at] = add(directives[at] ?? "");
  else if (fallback !== undefined && last !== "form-action") {
    directives.push(add(fallback.replace(/^\S+/, last)));
  }
}

function nameOf(directive: string): string {
  return directive.split(/\s+/)[0] ?? "";
}

function addSource(directive: string, source: string): string {
  const kept = directive.split(/\s+/).filter((part) => part.toLowerCase() !== "'none'");
  return [...kept, source].join(" ");
}
