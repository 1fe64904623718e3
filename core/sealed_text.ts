// Seals what a leaked database must not give away: A256GCM under a key that is not in the database.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

export interface Sealer {
  /** @param place where the text is kept; sealed there, it opens nowhere else */
  seal(text: string, place: string): string;
  /** The text, or `undefined` when it was sealed with another key, elsewhere, or damaged. */
  open(sealed: string, place: string): string | undefined;
}

const ivBytes = 12;
const tagBytes = 16;

/**
 * @param secretKey the service's SECRET_KEY
 * @param purpose separates this key from others derived from the same secret (RFC 5869 §3.2)
 */
export function createSealer(secretKey: string, purpose: string): Sealer {
  const key = Buffer.from(hkdfSync("sha256", secretKey, "", purpose, 32));
  return {
    seal(text, place) {
      // Random 96 bit values are safe for 2^32 texts under one key (NIST SP 800-38D §8.3).
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(place));
      const encrypted = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), encrypted]).toString("base64url");
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed, "base64url");
      if (bytes.length < ivBytes + tagBytes) return undefined;
      const iv = bytes.subarray(0, ivBytes);
      const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
      try {
        const opened = decipher.update(bytes.subarray(ivBytes + tagBytes));
        return Buffer.concat([opened, decipher.final()]).toString("utf8");
      } catch {
        return undefined;
      }
    },
  };
}
