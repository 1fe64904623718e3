import { HttpError } from "@hivematrix/lib/http_error";

/**
 * The Host header has to name the public address: links, cookies and the sign-in belong to it, and a
 * page of another name that points here (DNS rebinding) gets nothing.
 *
 * @throws {HttpError} 421 for another host, naming the right address (RFC 9110 §15.5.20)
 */
export function requireKnownHost(host: string | undefined, publicOrigin: URL): void {
  const known = publicOrigin.host.toLowerCase();
  const given = (host ?? "").toLowerCase();
  const defaultPort = publicOrigin.protocol === "https:" ? "443" : "80";
  if (given === known || given === `${known}:${defaultPort}`) return;
  throw new HttpError(421, `This is not "${host ?? ""}"; the address is ${publicOrigin.origin}`);
}
