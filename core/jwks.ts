import type { Handler } from "@hivematrix/lib/router";
import type { KeySet } from "./signing_key.ts";

/** GET /.well-known/jwks.json: the public keys that tokens are checked with (RFC 7517). */
export function showJwks({ keys }: { keys: KeySet }): Handler {
  // Verifiers ask again when a token names a key they do not know, so some minutes old is fine.
  const headers = { "cache-control": "public, max-age=300" };
  return () => Response.json({ keys: keys.published.map(({ jwk }) => jwk) }, { headers });
}
