import { errorResponse } from "./error_response.ts";
import { HttpError } from "./http_error.ts";
import type { Log } from "./log.ts";
import { addPrefix, stripPrefix } from "./prefix.ts";
import type { Peer } from "./serve.ts";
import { readTrace } from "./trace.ts";

/** What a handler knows about its request beside the request itself. */
export interface Context {
  /** Values of `:name` segments, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The URL with the public prefix taken off its path. */
  readonly url: URL;
  readonly requestId: string;
  readonly traceparent: string;
  /** Every line of it carries the request id. */
  readonly log: Log;
  /** The public form of a path of this service: `/notes` → `/template/notes` behind Nexus. */
  readonly link: (path: string) => string;
}

export type Handler<C extends Context = Context> = (
  request: Request,
  context: C,
) => Response | Promise<Response>;

export interface Route {
  readonly method: string;
  /** Literal segments and `:name` for a variable one. */
  readonly path: string;
  readonly handler: Handler;
  /** Asked again and again by programs: nobody wants to read that at the usual level. */
  readonly isQuiet?: boolean;
}

/**
 * The whole way of a request through a service: prefix off, route found, handler called, errors
 * turned into answers, one log line written.
 */
export function router(
  routes: readonly Route[],
  { service, log }: { service: string; log: Log },
): (request: Request, peer?: Peer) => Promise<Response> {
  const compiled = routes.map((route) => ({ ...route, segments: route.path.split("/") }));
  return async (request) => {
    const startedAt = performance.now();
    const trace = readTrace(request.headers);
    const requestLog = log.child({ request_id: trace.requestId, traceparent: trace.traceparent });
    const { url, prefix } = stripPrefix(request, service);
    let response: Response;
    const link = (path: string) => addPrefix(prefix, path);
    let isQuiet = false;
    try {
      const { route, params } = findRoute(compiled, request.method, url.pathname);
      isQuiet = route.isQuiet === true;
      const context = { params, url, ...trace, log: requestLog, link };
      response = await route.handler(request, context);
    } catch (error) {
      const { requestId } = trace;
      response = errorResponse(error, request, { log: requestLog, requestId, homeUrl: link("/") });
    }
    // The query may hold what people typed, so the log has the path alone.
    const isDebug = url.pathname === "/health" || (isQuiet && response.status < 400);
    requestLog[isDebug ? "debug" : "info"]("request", {
      method: request.method,
      path: url.pathname,
      status: response.status,
      duration_ms: Math.round(performance.now() - startedAt),
    });
    return response;
  };
}

interface CompiledRoute extends Route {
  readonly segments: readonly string[];
}

function findRoute(routes: readonly CompiledRoute[], method: string, path: string) {
  const segments = path.split("/");
  const matching = routes.flatMap((route) => {
    const params = matchSegments(route.segments, segments);
    return params === undefined ? [] : [{ route, params }];
  });
  // HEAD is GET without the content (RFC 9110 §9.3.2); serve.ts leaves the body out.
  const wanted = method === "HEAD" ? "GET" : method;
  const found = matching.find(({ route }) => route.method === wanted);
  if (found !== undefined) return found;
  if (matching.length === 0) throw new HttpError(404, `There is no page at ${path}`);
  const allowed = new Set(matching.map(({ route }) => route.method));
  if (allowed.has("GET")) allowed.add("HEAD");
  const allow = [...allowed].join(", ");
  throw new HttpError(405, `${path} does not answer ${method}, only ${allow}`, {
    headers: { allow },
  });
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const actual = segments[index] ?? "";
    if (!expected.startsWith(":")) {
      if (expected !== actual) return undefined;
    } else {
      const value = decodeSegment(actual);
      if (value === undefined || value === "") return undefined;
      params[expected.slice(1)] = value;
    }
  }
  return params;
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
