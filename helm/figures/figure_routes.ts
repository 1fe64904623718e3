import type { Auth, CallerContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readJson } from "@hivematrix/lib/request_body";
import type { Handler, Route } from "@hivematrix/lib/router";
import type { Platform } from "../control/platform.ts";
import type { Figures } from "./figures.ts";
import { metricsText } from "./metrics.ts";
import { readPush } from "./request_push.ts";

export interface FigureParts {
  readonly platform: Pick<Platform, "status">;
  readonly figures: Figures;
}

/** Some 300 bytes for each service. */
const maxBodyBytes = 256 * 1024;

/** What programs have to do with the figures: Nexus brings them, Prometheus fetches them. */
export function figureRoutes(parts: FigureParts, auth: Auth): Route[] {
  return [
    { method: "GET", path: "/metrics", handler: showMetrics(parts), isQuiet: true },
    {
      method: "POST",
      path: "/api/figures/ingest",
      handler: auth.tokenRequired(takeFigures(parts)),
      isQuiet: true,
    },
  ];
}

/** Nothing else but Nexus sets these, and it does so for every request that it sends on. */
const signsOfNexus = ["x-forwarded-prefix", "x-forwarded-for", "x-forwarded-host"];

/**
 * GET /metrics: no sign-in, for Prometheus has none, so only for this machine. Helm listens on
 * loopback alone; what comes through Nexus is refused (R28), and so is another name than loopback's,
 * under which a page of the web could have a browser read it (DNS rebinding).
 */
function showMetrics({ platform, figures }: FigureParts): Handler {
  return async (request, { url }) => {
    const isForwarded = signsOfNexus.some((name) => request.headers.has(name));
    const isLoopback = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
    if (isForwarded || !isLoopback) throw new HttpError(404, "There is no page at /metrics");
    return new Response(metricsText(await platform.status(), figures), {
      headers: {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
        "cache-control": "no-store",
      },
    });
  };
}

/** POST /api/figures/ingest: the counts of one process of Nexus. @throws {HttpError} 400, 403 */
function takeFigures({ figures }: FigureParts): Handler<CallerContext> {
  return async (request, { caller }) => {
    if (caller.kind !== "service" || caller.service !== "nexus") {
      throw new HttpError(403, "Only Nexus brings figures");
    }
    figures.receive(readPush(await readJson(request, { maxBodyBytes })));
    return new Response(null, { status: 204 });
  };
}
