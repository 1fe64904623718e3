// What an upstream says about its own address, in terms of the address that browsers know.

export interface AddressPair {
  /** As services.json has it, with a path if the service lives below one: `http://127.0.0.1:5040` */
  readonly upstreamUrl: URL;
  /** `https://hive.example.org` */
  readonly publicOrigin: string;
  /** `/<service>` */
  readonly prefix: string;
}

/** A Location that names the upstream becomes the public address; any other stays as it is. */
export function publicLocation(location: string, pair: AddressPair): string {
  const { upstreamUrl, publicOrigin, prefix } = pair;
  const [, authority = "", rest = ""] = /^((?:https?:)?\/\/[^/?#\\]+)(.*)$/is.exec(location) ?? [];
  if (authority === "" || !URL.canParse(authority, upstreamUrl.href)) return location;
  if (!isSameServer(new URL(authority, upstreamUrl), upstreamUrl)) return location;
  const path = stripBase(rest, basePath(pair));
  if (path === undefined) return location;
  return `${publicOrigin}${prefix}${path.startsWith("/") ? path : `/${path}`}`;
}

/** Link targets stand in angle brackets (RFC 8288 §3). */
export function publicLinks(value: string, pair: AddressPair): string {
  return value.replaceAll(/<([^>]*)>/g, (_, target) => `<${publicLocation(target, pair)}>`);
}

/** `Refresh: 5; url=…` (not a standard, but every browser has it, with or without quotes). */
export function publicRefresh(value: string, pair: AddressPair): string {
  const [, before, url] = /^([^;,]*[;,]\s*(?:url\s*=\s*)?["']?)(.*)$/is.exec(value) ?? [];
  if (before === undefined || url === undefined) return value;
  return before + publicLocation(url, pair);
}

/** A service's cookie stays below its prefix: two services may both have a `sid` on `Path=/`. */
export function publicCookie(value: string, pair: AddressPair): string {
  const [nameAndValue = "", ...attributes] = value.split(";");
  const isHostBound = /^\s*__Host-/i.test(nameAndValue);
  const kept = attributes
    .filter((attribute) => !/^\s*domain\s*(?:=|$)/i.test(attribute))
    .map((attribute) => {
      const [, before, path] = /^(\s*path\s*=\s*)(\/.*?)\s*$/i.exec(attribute) ?? [];
      // A `__Host-` cookie only exists on the root path (RFC 6265bis §4.1.3.2).
      if (before === undefined || path === undefined || isHostBound) return attribute;
      return before + cookiePath(path, pair);
    });
  return [nameAndValue, ...kept].join(";");
}

function cookiePath(path: string, pair: AddressPair): string {
  const { prefix } = pair;
  if (path === prefix || path.startsWith(`${prefix}/`)) return path;
  const below = stripBase(path, basePath(pair)) ?? path;
  return prefix + (below === "/" ? "" : below);
}

/** What comes before the path that a service sees as its own: mostly nothing. */
function basePath({ upstreamUrl }: AddressPair): string {
  return upstreamUrl.pathname.replace(/\/$/, "");
}

/** @returns `undefined` for a path that is not below the base */
function stripBase(path: string, base: string): string | undefined {
  if (!path.startsWith(base)) return undefined;
  const below = path.slice(base.length);
  return base === "" || below === "" || /^[/?#]/.test(below) ? below : undefined;
}

function isSameServer(one: URL, other: URL): boolean {
  const isSameHost = one.hostname === other.hostname || (isLoopback(one) && isLoopback(other));
  return isSameHost && one.port === other.port && one.protocol === other.protocol;
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
}
