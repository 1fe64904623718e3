import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** Hides and protects small texts that the browser keeps for us. */
export interface SealedBox {
  /** @param purpose where the text may be opened again: a box sealed as one cookie is no other */
  seal(text: string, purpose: string): string;
  /** The text, or `undefined` for anything that this key did not seal for this purpose. */
  open(sealed: string, purpose: string): string | undefined;
}

const ivBytes = 12;
const tagBytes = 16;

/** A256GCM under a key derived from the service's secret (HKDF, RFC 5869), so it survives restarts. */
export function createSealedBox(secretKey: string): SealedBox {
  const key = Buffer.from(hkdfSync("sha256", secretKey, "", "hivematrix nexus cookies v1", 32));
  return {
    seal(text, purpose) {
      // A random 96-bit IV is safe for 2^32 messages under one key (NIST SP 800-38D §8.3).
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(purpose));
      const sealed = Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([sealed, cipher.getAuthTag()]).toString("base64url");
    },
    open(sealed, purpose) {
      const bytes = Buffer.from(sealed, "base64url");
      if (bytes.length < ivBytes + tagBytes) return undefined;
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-tagBytes));
      try {
        const text = decipher.update(bytes.subarray(ivBytes, -tagBytes), undefined, "utf8");
        return text + decipher.final("utf8");
      } catch {
        // Tampered with, or sealed under a former key: as good as no cookie.
        return undefined;
      }
    },
  };
}
