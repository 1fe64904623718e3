import type { Handler } from "@hivematrix/lib/router";
import type { Core } from "./core.ts";

/** GET /.well-known/jwks.json: the public keys that tokens are checked with (RFC 7517). */
export function showJwks({ keys }: Pick<Core, "keys">): Handler {
  // Verifiers ask again when a token names a key they do not know, so some minutes old is fine.
  const headers = { "cache-control": "public, max-age=300" };
  return () => Response.json({ keys: keys.published.map(({ jwk }) => jwk) }, { headers });
}
