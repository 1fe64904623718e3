import type { Middleware, ParameterizedContext } from "koa";
import type { PublicAddress } from "./public_address.ts";

/**
 * Headers that keep other sites away from the provider's pages: no framing (clickjacking), no foreign
 * content or scripts, no copy in a cache, no address in a referrer.
 */
export function isolateBrowsers(address: PublicAddress): Middleware {
  const policy = [
    "default-src 'none'",
    `style-src ${address.publicOrigin}`,
    `img-src ${address.publicOrigin} data:`,
    `font-src ${address.publicOrigin}`,
    // Empty means none; oidc-provider adds the hash of its one script, which submits a form.
    "script-src",
    // After the form the browser is led back to the platform, which may be another origin.
    `form-action 'self' ${address.publicOrigin}`,
    "object-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
  return async (context, next) => {
    context.set({
      "Content-Security-Policy": policy,
      "X-Frame-Options": "DENY",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      // Not no-referrer: with that, browsers send "Origin: null" with the sign-in form (Fetch §3.2,
      // "append a request Origin header"), and a post from this page looks like one from elsewhere.
      "Referrer-Policy": "same-origin",
    });
    await next();
  };
}

/**
 * Whether a form was posted by a page of this origin, or by no browser at all (login CSRF: another
 * site signs its visitor in as somebody else).
 */
export function isFromOwnPage(context: ParameterizedContext, address: PublicAddress): boolean {
  const site = context.get("Sec-Fetch-Site");
  if (site !== "") return site === "same-origin" || site === "none";
  // Browsers leave Sec-Fetch-Site out on plain HTTP, except for localhost.
  const origin = context.get("Origin");
  return origin === "" || origin === address.origin;
}
