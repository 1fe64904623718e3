import { createHash, randomBytes } from "node:crypto";

/** A new session's id: 256 random bits, base64url (ASVS 7.2.3 asks for 128). */
export function createSessionId(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * The form in which an id is stored. The id alone opens nothing, since it travels as the `jti` of a
 * signed token; hashing still helps: a leaked table cannot be joined with tokens or ids seen
 * elsewhere, and with a leaked signing key as well nobody can mint tokens for the sessions in it.
 */
export function hashSessionId(id: string): Buffer {
  return createHash("sha256").update(id).digest();
}

/** What the log says instead of the id: enough to tell sessions apart. */
export function describeSession(id: string): string {
  return hashSessionId(id).toString("hex").slice(0, 16);
}
