/**
 * What every answer to a browser carries, unless a service has set its own (R27).
 *
 * @param isSecure whether browsers come over TLS: only then is a promise of TLS kept
 */
export function defaultHeaders(isSecure: boolean): Readonly<Record<string, string>> {
  return {
    "content-security-policy": "frame-ancestors 'self'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
    // Two years, as the preload lists ask; only for this very host.
    ...(isSecure && { "strict-transport-security": "max-age=63072000" }),
  };
}
