import type { IncomingHttpHeaders } from "node:http";
import { type AddedSources, allowAdditions } from "./content_policy.ts";
import { lowerName } from "./forwarded_headers.ts";

/** Whether the browser asked for a document of its own window, rather than for a piece of one. */
export function asksForDocument(headers: IncomingHttpHeaders): boolean {
  // RFC 9111 §5.2.1.6
  if (isNotToBeTransformed(headers["cache-control"])) return false;
  // htmx: what a boosted link or form fetches replaces the whole body, side panel included.
  if (headers["hx-boosted"] !== undefined) return true;
  const destination = headers["sec-fetch-dest"];
  if (destination !== undefined) return destination === "document";
  // Clients without fetch metadata: scripts mark their requests in one of these ways.
  return (
    headers["hx-request"] === undefined &&
    headers["x-requested-with"] === undefined &&
    headers.range === undefined
  );
}

/** Encodings in which the bytes of ASCII mean something else, or not always the same. */
const notAscii: ReadonlySet<string> = new Set(
  [
    "utf-16 utf-16le utf-16be unicode unicodefeff unicodefffe ucs-2 iso-10646-ucs-2 csunicode",
    "utf-32 utf-32le utf-32be utf-7 hz-gb-2312 replacement",
    "iso-2022-jp csiso2022jp iso-2022-kr csiso2022kr iso-2022-cn iso-2022-cn-ext",
  ].flatMap((labels) => labels.split(" ")),
);

/**
 * Whether an answer is a whole HTML document that may be changed on the way.
 *
 * @param headers by name in lower case, repeated ones joined
 */
export function canCompose(status: number, headers: ReadonlyMap<string, string>): boolean {
  // 204, 205 and 304 have no content, 206 has a part of it, and nobody reads a redirect's.
  const isWhole = status === 200 || status === 201 || status === 202 || status === 203;
  if (!isWhole && status < 400) return false;
  const type = headers.get("content-type") ?? "";
  if (!/^\s*text\/html\s*(?:;|$)/i.test(type)) return false;
  const [, charset = ""] = /;\s*charset\s*=\s*["']?\s*([^\s"';]+)/i.exec(type) ?? [];
  if (notAscii.has(charset.toLowerCase())) return false;
  const encoding = headers.get("content-encoding") ?? "identity";
  if (!/^\s*(?:identity)?\s*$/i.test(encoding)) return false;
  // A download is kept as a file, which has to be what the service made.
  if (/^\s*attachment\b/i.test(headers.get("content-disposition") ?? "")) return false;
  return !isNotToBeTransformed(headers.get("cache-control"));
}

/** RFC 9111 §5.2.2.6 */
function isNotToBeTransformed(cacheControl: string | undefined): boolean {
  return /\bno-transform\b/i.test(cacheControl ?? "");
}

/** All policies that are enforced on a document, joined. @param headers name and value in turn */
export function enforcedPolicies(headers: readonly string[]): string {
  let policies = "";
  for (let i = 0; i < headers.length; i += 2) {
    if (lowerName(headers[i] ?? "") !== "content-security-policy") continue;
    policies += policies === "" ? (headers[i + 1] ?? "") : `,${headers[i + 1]}`;
  }
  return policies;
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
export function composedHeaders(headers: readonly string[], sources: AddedSources): string[] {
  const composed: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    const lower = lowerName(name);
    if (untrueAfterComposition.has(lower)) continue;
    const isPolicy = lower.startsWith("content-security-policy");
    composed.push(name, isPolicy ? allowAdditions(value, sources) : value);
  }
  // The page names its reader, and the back button must show nothing after a logout (R8).
  composed.push("cache-control", "no-store");
  return composed;
}
