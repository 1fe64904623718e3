/**
 * What every answer to a browser carries, unless a service has set its own (R27).
 *
 * @param isSecure whether browsers come over TLS: only then is a promise of TLS kept
 */
export function defaultHeaders(isSecure: boolean): Readonly<Record<string, string>> {
  return {
    "content-security-policy": framingPolicy,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
    // Two years, as the preload lists ask; only for this very host.
    ...(isSecure && { "strict-transport-security": "max-age=63072000" }),
  };
}

/** What Nexus answers itself: its pages set a policy of their own, anything else shows nothing. */
export function ownHeaders(isSecure: boolean): Readonly<Record<string, string>> {
  const policy = `default-src 'none'; object-src 'none'; base-uri 'none'; ${framingPolicy}`;
  return { ...defaultHeaders(isSecure), "content-security-policy": policy };
}

const framingPolicy = "frame-ancestors 'self'";

/**
 * The defaults that an answer lacks, name and value in turn.
 *
 * @param present by name in lower case, repeated ones joined
 */
export function missingHeaders(
  present: ReadonlyMap<string, string>,
  defaults: Readonly<Record<string, string>>,
): string[] {
  const missing: string[] = [];
  for (const name in defaults) {
    if (!present.has(name)) missing.push(name, defaults[name] ?? "");
  }
  // Of two policies both count, so framing can be judged beside whatever else a service has set.
  const policy = present.get("content-security-policy");
  if (policy !== undefined && !/(?:^|[;,])\s*frame-ancestors(?:\s|[;,]|$)/i.test(policy)) {
    missing.push("content-security-policy", framingPolicy);
  }
  return missing;
}
