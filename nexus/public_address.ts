// What an upstream says about its own address, in terms of the address that browsers know.

export interface AddressPair {
  /** The upstream's origin: `http://127.0.0.1:5040` */
  readonly upstreamOrigin: string;
  /** `https://hive.example.org` */
  readonly publicOrigin: string;
  /** `/<service>` */
  readonly prefix: string;
}

/** A Location that names the upstream becomes the public address; any other stays as it is. */
export function publicLocation(location: string, pair: AddressPair): string {
  const origins = [pair.upstreamOrigin, pair.upstreamOrigin.replace("127.0.0.1", "localhost")];
  for (const origin of origins) {
    if (location !== origin && !/^[/?#]/.test(location.slice(origin.length))) continue;
    if (!location.startsWith(origin)) continue;
    const rest = location.slice(origin.length) || "/";
    return `${pair.publicOrigin}${pair.prefix}${rest.startsWith("/") ? rest : `/${rest}`}`;
  }
  return location;
}

/** `Refresh: 5; url=…` (not a standard, but every browser has it). */
export function publicRefresh(value: string, pair: AddressPair): string {
  return value.replace(
    /(;\s*url\s*=\s*)(.+)$/i,
    (_, before: string, url: string) => before + publicLocation(url, pair),
  );
}

/** A service's cookie stays below its prefix: two services may both have a `sid` on `Path=/`. */
export function publicCookie(value: string, { prefix }: AddressPair): string {
  const [pair = "", ...attributes] = value.split(";");
  const kept = attributes.filter((attribute) => !/^\s*(?:domain|path)\s*(?:=|$)/i.test(attribute));
  const path = attributes.map((a) => /^\s*path\s*=\s*(\/.*?)\s*$/i.exec(a)?.[1]).findLast(Boolean);
  // A `__Host-` cookie only exists on the root path (RFC 6265bis §4.1.3.2).
  const wanted = path ?? "/";
  const isBelow = wanted === prefix || wanted.startsWith(`${prefix}/`);
  const below = isBelow ? wanted : prefix + (wanted === "/" ? "" : wanted);
  const finalPath = /^\s*__Host-/i.test(pair) ? "/" : below;
  return [pair, ...kept, ` Path=${finalPath}`].join(";");
}
