import { acceptsHtml } from "@hivematrix/lib/error_response";
import { stripPrefix } from "@hivematrix/lib/prefix";
import { redirect } from "@hivematrix/lib/responses";
import type { RequestHandler } from "@hivematrix/lib/serve";

/**
 * A browser that opens Helm's own port has no token to show; it is sent to the same page behind
 * Nexus, where it can get one. Programs get the plain answer.
 */
export function redirectDirectVisits(
  platform: { readonly address: string },
  handle: RequestHandler,
): RequestHandler {
  return async (request, peer) => {
    if (!isDirectVisit(request)) return await handle(request, peer);
    const { pathname, search } = stripPrefix(request, "helm").url;
    return redirect(`${platform.address}/helm${pathname}${search}`, 302, {
      "cache-control": "no-store",
    });
  };
}

/** Answered here, to whoever asks. */
const forPrograms: ReadonlySet<string> = new Set(["/health", "/metrics"]);

function isDirectVisit({ method, headers, url }: Request): boolean {
  const isNavigation = method === "GET" && acceptsHtml(headers);
  return isNavigation && !headers.has("authorization") && !forPrograms.has(new URL(url).pathname);
}
