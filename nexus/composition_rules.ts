import type { IncomingHttpHeaders } from "node:http";

/** Whether the browser asked for a document of its own window, rather than for a piece of one. */
export function asksForDocument(method: string, headers: IncomingHttpHeaders): boolean {
  if (method === "HEAD") return false;
  const destination = headers["sec-fetch-dest"];
  if (destination !== undefined) return destination === "document";
  // Clients without fetch metadata: scripts mark their requests in one of these ways.
  return (
    headers["hx-request"] === undefined &&
    headers["x-requested-with"] === undefined &&
    headers.range === undefined
  );
}

/** Whether an answer is a whole HTML document that may be changed on the way. */
export function canCompose(status: number, headers: ReadonlyMap<string, string>): boolean {
  if (status < 200 || status === 204 || status === 205 || status === 206 || status === 304) {
    return false;
  }
  const type = headers.get("content-type") ?? "";
  if (!/^\s*text\/html\s*(?:;|$)/i.test(type)) return false;
  // Not a superset of ASCII, so the places to insert cannot be found byte by byte.
  if (/charset\s*=\s*"?\s*utf-(?:16|32)/i.test(type)) return false;
  if (/\S/.test(headers.get("content-encoding")?.replace(/identity/i, "") ?? "")) return false;
  // RFC 9111 §5.2.2.6
  return !/\bno-transform\b/i.test(headers.get("cache-control") ?? "");
}

/** Headers that stop being true when the content changes or is a person's own. */
const untrueAfterComposition: ReadonlySet<string> = new Set([
  "accept-ranges",
  "cache-control",
  "content-digest",
  "content-length",
  "content-md5",
  "digest",
  "etag",
  "expires",
  "last-modified",
  "repr-digest",
]);

/** The upstream's headers (name and value in turn) made true for the composed page. */
export function composedHeaders(headers: readonly string[], publicOrigin: string): string[] {
  const composed: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    const lower = name.toLowerCase();
    if (untrueAfterComposition.has(lower)) continue;
    const isPolicy = lower === "content-security-policy";
    composed.push(name, isPolicy ? allowStylesheet(value, publicOrigin) : value);
  }
  // The page names its reader, and the back button must show nothing after a logout (R8).
  composed.push("cache-control", "no-store");
  return composed;
}

/** A service's policy, which keeps its strictness but lets the platform's own stylesheet in. */
function allowStylesheet(policies: string, publicOrigin: string): string {
  const source = `${publicOrigin}/static/`;
  return policies
    .split(",")
    .map((policy) => {
      const directives = policy.split(";").map((directive) => directive.trim());
      const find = (name: string) =>
        directives.findIndex((directive) => directive.toLowerCase().split(/\s+/)[0] === name);
      const at = [find("style-src-elem"), find("style-src")].find((index) => index >= 0);
      if (at !== undefined) {
        directives[at] = `${directives[at]?.replace(/\s'none'/i, "")} ${source}`;
      } else if (find("default-src") >= 0) {
        const sources = directives[find("default-src")]?.split(/\s+/).slice(1) ?? [];
        const kept = sources.filter((one) => one.toLowerCase() !== "'none'");
        directives.push(["style-src", ...kept, source].join(" "));
      }
      return directives.filter((directive) => directive !== "").join("; ");
    })
    .join(", ");
}
