import { createHmac } from "node:crypto";
import type { HashKind } from "./password_hash.ts";

/**
 * Which work a check of the password of nobody takes. While some people have a hash of an older kind,
 * whose check takes longer, the time of the newer kind alone would tell an unknown name, and the time
 * of the older one a known name (user enumeration, ASVS5 6.3.8). So as many of the unknown names as of
 * the known ones take the older kind, each name always the same one.
 *
 * @param key secret, and the same after a restart: else the names whose time changes are the unknown ones
 * @param olderShare of the known names, 0 to 1
 */
export function kindForUnknown(name: string, key: string, olderShare: number): HashKind {
  const digest = createHmac("sha256", key).update(name).digest();
  const place = digest.readUInt32BE(0) / 2 ** 32;
  // As the share falls, a name changes to the newer kind once, as a person does who signs in.
  return place < olderShare ? "scrypt" : "pbkdf2-sha512";
}
