/** A whole HTML document. Pages show a person's own data, so nothing keeps a copy by default. */
export function html(body: string, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  headers.set("content-type", "text/html; charset=utf-8");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return new Response(body, { ...init, headers });
}

/**
 * @param location characters that a header cannot carry are percent-encoded
 * @param status 303 after a form (RFC 9110 §15.4.4), 302 for a detour that comes back
 */
export function redirect(
  location: string,
  status = 303,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const all = new Headers(headers);
  all.set("location", location.replace(/[^\x21-\x7e]/gu, encodeCharacter));
  return new Response(null, { status, headers: all });
}

function encodeCharacter(character: string): string {
  return Buffer.from(character).toString("hex").toUpperCase().replace(/../g, "%$&");
}
