import { guardBody } from "./guarded_body.ts";
import { HttpError } from "./http_error.ts";
import type { Context } from "./router.ts";
import type { ServiceRegistry } from "./service_registry.ts";
import { createServiceTokens } from "./service_tokens.ts";
import { createTraceparent } from "./trace.ts";

export interface CallInit extends RequestInit {
  /** The request on whose behalf the call is made: its request id and trace are passed on. */
  context?: Pick<Context, "requestId" | "traceparent">;
}

export interface ServiceClient {
  /**
   * Calls another service as this one: `callService("codex", "/api/companies")`. Redirects are not
   * followed; the answer's body may be a long stream.
   *
   * @param path what comes from outside must be percent-encoded in it
   * @throws {HttpError} 502 when the service is unknown, refuses or breaks off, 504 when it is late,
   *   503 when Core cannot give a service token, 400 for a path with dot segments
   */
  callService(target: string, path: string, init?: CallInit): Promise<Response>;
}

/**
 * @param serviceSecret this service's own credential at Core's /service-token
 * @param timeoutMs for the head of an answer, and then for each piece of its body. Default 10 s.
 */
export function createServiceClient({
  service,
  serviceSecret,
  coreUrl,
  registry,
  timeoutMs = 10_000,
}: {
  service: string;
  serviceSecret: string;
  coreUrl: string;
  registry: ServiceRegistry;
  timeoutMs?: number;
}): ServiceClient {
  const tokens = createServiceTokens({ service, serviceSecret, coreUrl, timeoutMs });

  return {
    async callService(target, path, { context, ...init } = {}) {
      const findUrl = () => {
        const entry = registry.find(target);
        if (entry === undefined) {
          throw new HttpError(502, `Cannot call "${target}": no such service in services.json`);
        }
        return joinUrl(entry.url, path);
      };
      findUrl();
      const headers = new Headers(init.headers);
      headers.set("traceparent", createTraceparent(context?.traceparent));
      if (context !== undefined) headers.set("x-request-id", context.requestId);

      const call = async () => {
        const { token, isKept } = await tokens.tokenFor(target);
        headers.set("authorization", `Bearer ${token}`);
        // Not earlier: while Core was asked, the service may have moved (it is being restarted).
        const response = await send(target, findUrl(), { ...init, headers }, timeoutMs);
        const isRefused = response.status === 401;
        if (isRefused) tokens.drop(target, token);
        return { response, mayRetry: isRefused && isKept && isReplayable(init.body) };
      };

      const first = await call();
      if (!first.mayRetry) return first.response;
      // Core may have new keys since that token. A 401 means that nothing was done yet.
      await first.response.body?.cancel();
      return (await call()).response;
    },
  };
}

async function send(
  target: string,
  url: URL,
  init: RequestInit,
  timeoutMs: number,
): Promise<Response> {
  const late = new AbortController();
  const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
  // Made apart from the sending: what is wrong with a request is not its target's fault.
  const request = new Request(url, {
    redirect: "manual",
    ...init,
    signal,
    ...(isReplayable(init.body) ? {} : { duplex: "half" }),
  });
  const errors = {
    late: () => new HttpError(504, `"${target}" did not answer within ${timeoutMs} ms`),
    broken: (cause: unknown) =>
      init.signal?.aborted
        ? init.signal.reason
        : new HttpError(502, `"${target}" broke off its answer`, { cause }),
  };
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    return guardBody(await fetch(request), timeoutMs, errors);
  } catch (error) {
    if (late.signal.aborted) throw errors.late();
    if (init.signal?.aborted) throw error;
    throw new HttpError(502, `"${target}" cannot be reached`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a body can be sent a second time; a stream is gone after the first. */
function isReplayable(body: RequestInit["body"]): boolean {
  if (body === undefined || body === null || typeof body === "string") return true;
  return (
    [ArrayBuffer, Blob, FormData, URLSearchParams].some((type) => body instanceof type) ||
    ArrayBuffer.isView(body)
  );
}

/** @throws {HttpError} 500 for a path that would leave the service, 400 for one that means another */
function joinUrl(base: string, path: string): URL {
  if (!path.startsWith("/") || path.startsWith("//")) {
    throw new HttpError(
      500,
      `Cannot call a service at "${path}": a path must begin with one slash`,
    );
  }
  // An id from outside, pasted in unencoded, could name something else there, and a service token
  // passes where the person behind the id would not.
  const [plainPath = ""] = path.split("?", 1);
  const hasDotSegment = /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(plainPath);
  if (hasDotSegment || /[\\#\t\n\r]/.test(path)) {
    throw new HttpError(400, `Cannot call a service at "${path}": it would mean another path`);
  }
  return new URL(base.replace(/\/$/, "") + path);
}
