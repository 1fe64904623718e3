// A service answers under its own paths; browsers see them below `/<service>`. Nexus strips that
// prefix and names it in X-Forwarded-Prefix; a direct visit may carry it in the path (contract §5).

export interface PrefixedRequest {
  /** The request's URL with the prefix taken off its path. */
  readonly url: URL;
  /** What a link needs in front to reach this service from the browser; empty on a direct visit. */
  readonly prefix: string;
}

/** Takes `/<service>` off the path where it is there, and finds the prefix that links need. */
export function stripPrefix(request: Request, service: string): PrefixedRequest {
  const url = new URL(request.url);
  const own = `/${service}`;
  const forwarded = readForwardedPrefix(request.headers);
  const isThere = url.pathname === own || url.pathname.startsWith(`${own}/`);
  // Behind Nexus the prefix is gone already, so a path that still has it means itself.
  if (!isThere || forwarded !== "") return { url, prefix: forwarded };
  url.pathname = url.pathname.slice(own.length) || "/";
  return { url, prefix: own };
}

/** @param path a path within the service, with its query: `/notes?page=2` */
export function addPrefix(prefix: string, path: string): string {
  // Several slashes or backslashes at the start would make it the address of another site.
  return path.startsWith("/") ? prefix + path.replace(/^[/\\]+/, "/") : path;
}

function readForwardedPrefix(headers: Headers): string {
  const value = headers.get("x-forwarded-prefix") ?? "";
  // Only a plain path: `//evil.example` would turn every link of a page into one to another site.
  return /^(\/[\w~-][\w.~-]*)+$/.test(value) ? value : "";
}
