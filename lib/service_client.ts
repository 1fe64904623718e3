import { HttpError } from "./http_error.ts";
import type { Context } from "./router.ts";
import type { ServiceRegistry } from "./service_registry.ts";
import { createTraceparent } from "./trace.ts";

export interface CallInit extends RequestInit {
  /** The request on whose behalf the call is made: its request id and trace are passed on. */
  context?: Pick<Context, "requestId" | "traceparent">;
}

export interface ServiceClient {
  /**
   * Calls another service as this one: `callService("codex", "/api/companies")`.
   *
   * @throws {HttpError} 502 when the service is unknown or refuses, 504 when it is late, 503 when
   *   Core cannot give a service token
   */
  callService(target: string, path: string, init?: CallInit): Promise<Response>;
}

interface CachedToken {
  readonly token: string;
  readonly useUntilMs: number;
}

/** A token is not used in its last half minute: it has to outlive the way and the other's clock. */
const marginMs = 30_000;

/**
 * @param serviceSecret this service's own credential at Core's /service-token
 * @param timeoutMs for the whole call. Default 10 s.
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
  const tokens = new Map<string, CachedToken>();
  const pending = new Map<string, Promise<CachedToken>>();

  const fetchToken = async (target: string): Promise<CachedToken> => {
    const credential = Buffer.from(`${service}:${serviceSecret}`).toString("base64");
    const response = await fetch(new URL("/service-token", coreUrl), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Basic ${credential}` },
      body: JSON.stringify({ calling_service: service, target_service: target }),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: unknown) => {
      throw noServiceToken(target, "Core cannot be reached", error);
    });
    if (!response.ok) throw noServiceToken(target, `Core answered ${response.status}`);
    const { token } = (await response.json()) as { token: string };
    return { token, useUntilMs: readExpiryMs(token) - marginMs };
  };

  const tokenFor = async (target: string): Promise<string> => {
    const cached = tokens.get(target);
    if (cached !== undefined && Date.now() < cached.useUntilMs) return cached.token;
    // Calls that start together ask Core once.
    let request = pending.get(target);
    if (request === undefined) {
      request = fetchToken(target).finally(() => pending.delete(target));
      pending.set(target, request);
    }
    const fetched = await request;
    tokens.set(target, fetched);
    return fetched.token;
  };

  return {
    async callService(target, path, { context, ...init } = {}) {
      const entry = registry.find(target);
      if (entry === undefined) {
        throw new HttpError(502, `Cannot call "${target}": no such service in services.json`);
      }
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${await tokenFor(target)}`);
      headers.set("traceparent", createTraceparent(context?.traceparent));
      if (context !== undefined) headers.set("x-request-id", context.requestId);
      const late = AbortSignal.timeout(timeoutMs);
      const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
      try {
        const url = joinUrl(entry.url, path);
        const response = await fetch(url, { redirect: "manual", ...init, headers, signal });
        // A token that Core's keys no longer stand behind must not be sent again.
        if (response.status === 401) tokens.delete(target);
        return response;
      } catch (error) {
        if (late.aborted) {
          throw new HttpError(504, `"${target}" did not answer within ${timeoutMs} ms`, {
            cause: error,
          });
        }
        if (init.signal?.aborted) throw error;
        throw new HttpError(502, `"${target}" cannot be reached`, { cause: error });
      }
    },
  };
}

/** @throws {HttpError} 500 for a path that would leave the service */
function joinUrl(base: string, path: string): URL {
  if (!path.startsWith("/") || path.startsWith("//")) {
    throw new HttpError(
      500,
      `Cannot call a service at "${path}": a path must begin with one slash`,
    );
  }
  return new URL(base.replace(/\/$/, "") + path);
}

function noServiceToken(target: string, reason: string, cause?: unknown): HttpError {
  return new HttpError(503, `Cannot get a service token for "${target}": ${reason}`, {
    cause,
    headers: { "retry-after": "2" },
  });
}

/** `exp` in milliseconds. Our own token from Core itself: its signature is the target's to check. */
function readExpiryMs(token: string): number {
  const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    exp: number;
  };
  return payload.exp * 1000;
}
