import { createHash, createHmac, randomBytes } from "node:crypto";

/** A secret of 256 random bits, in characters that need no quoting anywhere. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * The `SECRET_KEY` of one app. Derived, so that the master secret never leaves Helm and an app that
 * gives its own away gives nothing away of another's.
 */
export function deriveAppSecret(masterSecret: string, app: string): string {
  return createHmac("sha256", masterSecret).update(`SECRET_KEY of ${app}`).digest("base64url");
}

/** What Core keeps of a service's `SERVICE_SECRET`: enough to check it, useless to present it. */
export function hashServiceSecret(secret: string): string {
  // A plain hash will do: 256 random bits cannot be guessed, so there is nothing to slow down.
  return `sha256:${createHash("sha256").update(secret).digest("hex")}`;
}
