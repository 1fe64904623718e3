import { html } from "@hivematrix/lib/responses";
import type { Views } from "@hivematrix/lib/views";
import type { OwnRequest } from "./own_request.ts";

export interface Message {
  readonly status: number;
  readonly title: string;
  readonly message: string;
  /** Nothing went wrong, whatever the status: somebody decided so. */
  readonly isWanted?: boolean;
  readonly details?: readonly string[];
  readonly actions?: readonly { label: string; url: string; is_primary?: boolean }[];
  readonly form?: { action: string; label: string; fields?: { name: string; value: string }[] };
  readonly headers?: Readonly<Record<string, string>>;
}

/** Nexus's own documents, all with the platform's stylesheet. */
export interface Pages {
  render(view: string, data: object): string;
  /** A page that says one thing and what to do next. */
  message(request: Pick<OwnRequest, "requestId">, message: Message): Response;
  contentSecurityPolicy(scriptNonce?: string): string;
  /** The start page, in full: an error page may have been asked for under another host's name. */
  readonly homeUrl: string;
  /** Path and query of an address here; `undefined` for an address elsewhere, or none. */
  pathOf(url: string | undefined): string | undefined;
}

export function createPages(views: Views, stylesheetUrl: string, publicOrigin: URL): Pages {
  const render = (view: string, data: object) =>
    views.render(view, { stylesheet_url: stylesheetUrl, ...data });
  return {
    render,
    contentSecurityPolicy,
    homeUrl: publicOrigin.href,
    pathOf(url = "") {
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      return parsed?.origin === publicOrigin.origin ? parsed.pathname + parsed.search : undefined;
    },
    message({ requestId }, { status, headers = {}, isWanted = false, ...message }) {
      const isError = status >= 400 && !isWanted;
      const data = { ...message, is_error: isError, request_id: isError ? requestId : undefined };
      return html(render("message", data), {
        status,
        headers: { ...headers, "content-security-policy": contentSecurityPolicy() },
      });
    },
  };
}

/** Our pages need the platform's stylesheet and forms to ourselves, nothing else (R27). */
function contentSecurityPolicy(scriptNonce?: string): string {
  const directives = [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    // Covered by default-src; said once more for whoever looks for it.
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
  ];
  if (scriptNonce !== undefined) directives.push(`script-src 'nonce-${scriptNonce}'`);
  return directives.join("; ");
}
