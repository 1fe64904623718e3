// The head of an upstream's answer, as the browser gets it.
import { isGatewayCookie } from "./cookie_names.ts";
import { lowerName, responseHeaders } from "./forwarded_headers.ts";
import {
  type AddressPair,
  publicCookie,
  publicLinks,
  publicLocation,
  publicRefresh,
} from "./public_address.ts";

/**
 * Names and values in turn, without what belongs to the upstream's connection, addresses made public.
 *
 * @param raw as undici has read them: one character a byte
 */
export function answerHeaders(raw: readonly (Buffer | string)[], addresses: AddressPair): string[] {
  const headers = responseHeaders(raw.map(toText));
  let hasRefusedCookie = false;
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] ?? "";
    switch (lowerName(headers[i] ?? "")) {
      case "location":
      case "content-location":
        headers[i + 1] = publicLocation(value, addresses);
        break;
      case "link":
        headers[i + 1] = publicLinks(value, addresses);
        break;
      case "refresh":
        headers[i + 1] = publicRefresh(value, addresses);
        break;
      case "set-cookie":
        if (setsGatewayCookie(value)) hasRefusedCookie = true;
        else headers[i + 1] = publicCookie(value, addresses);
    }
  }
  return hasRefusedCookie ? withoutGatewayCookies(headers) : headers;
}

/** All values by name in lower case, repeated ones joined. */
export function joinByName(headers: readonly string[]): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (let i = 0; i < headers.length; i += 2) {
    const name = lowerName(headers[i] ?? "");
    const value = headers[i + 1] ?? "";
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return joined;
}

function toText(part: Buffer | string): string {
  return typeof part === "string" ? part : part.toString("latin1");
}

/** A service that could set our cookie could put somebody else's session into this browser. */
function setsGatewayCookie(setCookie: string): boolean {
  return isGatewayCookie(setCookie.split("=", 1)[0]?.trim() ?? "");
}

function withoutGatewayCookies(headers: readonly string[]): string[] {
  return headers.filter((_, at) => {
    const pair = at - (at % 2);
    const isCookie = lowerName(headers[pair] ?? "") === "set-cookie";
    return !isCookie || !setsGatewayCookie(headers[pair + 1] ?? "");
  });
}
