import { HttpError } from "./http_error.ts";

/** This service's tokens for calling others (contract §4), fetched from Core and kept. */
export interface ServiceTokens {
  /** @throws {HttpError} 503 when Core cannot give one */
  tokenFor(target: string): Promise<ServiceToken>;
  /** Forgets a token that its target refused. */
  drop(target: string, token: string): void;
}

export interface ServiceToken {
  readonly token: string;
  /** Whether it was fetched for an earlier call, so that a fresh one might fare better. */
  readonly isKept: boolean;
}

interface KeptToken {
  readonly token: string;
  readonly useUntilMs: number;
}

/** A token is not used in its last half minute: it has to outlive the way and the other's clock. */
const marginMs = 30_000;

/**
 * @param serviceSecret this service's own credential at Core's /service-token
 * @param now milliseconds since 1970
 */
export function createServiceTokens({
  service,
  serviceSecret,
  coreUrl,
  timeoutMs,
  now = Date.now,
}: {
  service: string;
  serviceSecret: string;
  coreUrl: string;
  timeoutMs: number;
  now?: () => number;
}): ServiceTokens {
  const kept = new Map<string, KeptToken>();
  const pending = new Map<string, Promise<KeptToken>>();
  const credential = Buffer.from(`${service}:${serviceSecret}`).toString("base64");

  const fetchToken = async (target: string): Promise<KeptToken> => {
    const response = await fetch(new URL("/service-token", coreUrl), {
      method: "POST",
      redirect: "error",
      headers: { "content-type": "application/json", authorization: `Basic ${credential}` },
      body: JSON.stringify({ calling_service: service, target_service: target }),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: unknown) => {
      throw noServiceToken(target, "Core cannot be reached", error);
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw noServiceToken(target, `Core answered ${response.status}`);
    }
    try {
      const { token } = (await response.json()) as { token: string };
      return { token, useUntilMs: readExpiryMs(token) - marginMs };
    } catch (error) {
      throw noServiceToken(target, "Core's answer has no token", error);
    }
  };

  return {
    async tokenFor(target) {
      const earlier = kept.get(target);
      if (earlier !== undefined && now() < earlier.useUntilMs) {
        return { token: earlier.token, isKept: true };
      }
      // Calls that start together ask Core once.
      let request = pending.get(target);
      if (request === undefined) {
        request = fetchToken(target).finally(() => pending.delete(target));
        pending.set(target, request);
      }
      const fetched = await request;
      kept.set(target, fetched);
      return { token: fetched.token, isKept: false };
    },
    drop(target, token) {
      // Another call may have fetched a fresh one meanwhile.
      if (kept.get(target)?.token === token) kept.delete(target);
    },
  };
}

function noServiceToken(target: string, reason: string, cause?: unknown): HttpError {
  return new HttpError(503, `Cannot get a service token for "${target}": ${reason}`, {
    cause,
    headers: { "retry-after": "2" },
  });
}

/** `exp` in milliseconds. Our own token from Core itself: its signature is the target's to check. */
function readExpiryMs(token: string): number {
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
  const { exp } = JSON.parse(payload) as { exp: unknown };
  if (typeof exp !== "number") throw new TypeError("its exp is no number");
  return exp * 1000;
}
