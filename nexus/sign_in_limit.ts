import { addressGroup } from "@hivematrix/lib/client_address";
import { HttpError } from "@hivematrix/lib/http_error";
import { RateLimit } from "@hivematrix/lib/rate_limit";
import type { OwnHandler, OwnRequest } from "./own_request.ts";

/** @throws {HttpError} 429 when this address has asked for too much lately */
export type SignInLimit = (request: Pick<OwnRequest, "address">) => void;

/**
 * What somebody without a session can have done, and who can be anybody, is the sign-in: requests
 * that cost the provider's database, password checks, and Core. Passwords are counted at the embedded
 * provider itself, and for the real one in password_guard.ts.
 */
export function createSignInLimit(perMinute: number, now?: () => number): SignInLimit {
  const requests = new RateLimit({
    burst: perMinute,
    refillSeconds: 60,
    ...(now !== undefined && { now }),
  });
  return ({ address = "" }) => {
    const waitSeconds = requests.take(addressGroup(address));
    if (waitSeconds === 0) return;
    throw new HttpError(
      429,
      "There were too many requests to the sign-in from your network. Please wait a moment.",
      { headers: { "retry-after": String(waitSeconds) } },
    );
  };
}

export function limited(limit: SignInLimit, handler: OwnHandler): OwnHandler {
  return (request) => {
    limit(request);
    return handler(request);
  };
}
