import { readBearer } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { invalidToken } from "@hivematrix/lib/token_verifier";
import type { Core } from "./core.ts";
import { hashSessionId } from "./session_id.ts";

/** Who asks about sessions, and whose they may be. */
export interface SessionCaller {
  /** Administrators, and Helm, which shows and ends everyone's sessions. */
  readonly mayActForAll: boolean;
  /** The person's `sub`; `undefined` for Helm. */
  readonly sub: string | undefined;
  /** hashSessionId in hex, of the session that the caller came with. */
  readonly currentHash: string | undefined;
}

export type RequireSessionCaller = (request: Request) => Promise<SessionCaller>;

/**
 * A person by a user token whose session lives (a revoked one must not list anything), or Helm by
 * HTTP Basic.
 *
 * @throws {HttpError} 401 for anybody else, 403 for other services, 503 when sessions cannot be read
 */
export function createSessionCallers({
  credentials,
  sessions,
  tokens,
}: Pick<Core, "credentials" | "sessions" | "tokens">): RequireSessionCaller {
  return async (request) => {
    const authorization = request.headers.get("authorization");
    if (/^Basic /i.test(authorization ?? "")) {
      requireHelm(credentials.authenticate(authorization));
      return { mayActForAll: true, sub: undefined, currentHash: undefined };
    }
    const { jti } = await tokens.readUserToken(readBearer(authorization));
    const checked = await sessions.check(jti);
    if (checked.state !== "live") throw invalidToken("its session is over");
    const { sub, permission_level } = checked.session.user;
    const currentHash = hashSessionId(jti).toString("hex");
    return { mayActForAll: permission_level === "admin", sub, currentHash };
  };
}

/** @throws {HttpError} 403 for any other service */
export function requireHelm(service: string | undefined): void {
  if (service !== "helm") {
    throw new HttpError(403, `This is for Helm, not for the service "${service ?? ""}"`);
  }
}
