import type { IncomingMessage } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";

/** A request target that means the same to us and to whatever we forward it to. */
export interface CanonicalTarget {
  /** Exactly as it is judged and forwarded: percent-encoded, begins with one slash. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
}

/**
 * Reads a request target once, for the rules and for forwarding alike. Where two readers could
 * understand it differently (dot segments, encoded slashes, backslashes, a leading `//`, a fragment,
 * another host in absolute form) it is refused instead of mended: what a policy judged and what an
 * upstream sees must be the same path.
 *
 * @param host the request's Host, which an absolute-form target has to repeat (RFC 9112 §3.2.2)
 * @throws {HttpError} 400 naming what is ambiguous
 */
export function readTarget(target: string, host: string): CanonicalTarget {
  const originForm = target.startsWith("/") ? target : stripOrigin(target, host);
  if (/[^\x21-\x7e]/.test(originForm)) throw ambiguous("it has a character that must be encoded");
  if (originForm.includes("#")) throw ambiguous("it has a fragment");
  const questionMark = originForm.indexOf("?");
  const path = questionMark < 0 ? originForm : originForm.slice(0, questionMark);
  const query = questionMark < 0 ? "" : originForm.slice(questionMark);
  requirePlainPath(path);
  return { path, query };
}

/**
 * The path below `/<service>`, as the service sees it.
 *
 * @throws {HttpError} 400 when it would begin with `//`, which reads as another host
 */
export function pathBelow(path: string, service: string): string {
  const rest = path.slice(service.length + 1) || "/";
  requirePlainPath(rest);
  return rest;
}

/** @throws {HttpError} 400 for a request with two Host headers, of which node only shows the first */
export function requireOneHost(incoming: Pick<IncomingMessage, "rawHeaders">): void {
  const { rawHeaders } = incoming;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  if (hosts > 1) throw new HttpError(400, "Cannot answer: the request has two Host headers");
}

/** A dot, slash or backslash as forbidden UTF-8 (RFC 3629 §10), which careless decoders accept. */
const overlong = /%(?:c0%(?:ae|af)|c1%9c|e0%80%(?:ae|af)|e0%81%9c)/i;

/** What nearly every path is made of: nothing in it is refused by the rules below. */
const plainPath = /^(?:\/[\w~!$&'()*+,=:@-][\w.~!$&'()*+,=:@-]*)*\/?$/;

function requirePlainPath(path: string): void {
  if (plainPath.test(path)) return;
  if (path.startsWith("//")) throw ambiguous("it begins with two slashes");
  if (path.includes("\\")) throw ambiguous("it has a backslash");
  if (/%(?![0-9a-f]{2})/i.test(path)) throw ambiguous("it has a broken percent-encoding");
  if (/%(?:2f|5c)/i.test(path)) throw ambiguous("it has an encoded slash or backslash");
  if (/%(?:[01][0-9a-f]|7f)/i.test(path)) throw ambiguous("it has an encoded control character");
  if (overlong.test(path)) throw ambiguous("it has an overlong encoding");
  const hasDotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:;[^/]*)?(?:\/|$)/i.test(path);
  if (hasDotSegment) throw ambiguous("it has a dot segment");
}

function stripOrigin(target: string, host: string): string {
  const match = /^https?:\/\/([^/?#\\@]+)((?:[/?].*)?)$/i.exec(target);
  if (match === null) throw ambiguous("it is no path");
  const [, authority = "", rest = ""] = match;
  if (authority.toLowerCase() !== host.toLowerCase()) throw ambiguous("it names another host");
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function ambiguous(reason: string): HttpError {
  return new HttpError(400, `Cannot answer this address: ${reason}`);
}
