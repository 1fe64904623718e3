/**
 * Where a login may lead back to: a path of this origin, query included, or `/`. Anything else is
 * an open redirect: `//evil`, `/\evil` (browsers read it as `//`), control characters that browsers
 * drop, a scheme, or an encoded form of these that some later hop would decode.
 */
export function readReturnPath(wanted: string | null | undefined): string {
  if (wanted === null || wanted === undefined || wanted.length > 2000) return "/";
  // Printable ASCII without the backslash; everything else has to come percent-encoded.
  if (!/^\/[\x21-\x5b\x5d-\x7e]*$/.test(wanted) || wanted.startsWith("//")) return "/";
  const path = wanted.split(/[?#]/, 1)[0] ?? "";
  // Encoded slashes, backslashes, white space and controls have no business in a path of ours.
  if (/%(?:2f|5c|[01][0-9a-f]|7f|a0|c2%a0|e2%80|e3%80%80)/i.test(path)) return "/";
  const origin = "http://nexus.invalid";
  const url = URL.canParse(wanted, origin) ? new URL(wanted, origin) : undefined;
  if (url?.origin !== origin || url.pathname.startsWith("//")) return "/";
  // The sign-in's own pages would lead in circles, or sign the person out again.
  if (/^\/(?:login|logout|keycloak-callback|keycloak)(?:\/|$)/.test(url.pathname)) return "/";
  return url.pathname + url.search;
}
