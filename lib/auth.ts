import { HttpError } from "./http_error.ts";
import type { Context, Handler } from "./router.ts";
import {
  type Caller,
  invalidToken,
  type PermissionLevel,
  type TokenVerifier,
  type UserCaller,
} from "./token_verifier.ts";

export interface CallerContext extends Context {
  readonly caller: Caller;
}

export interface UserContext extends CallerContext {
  readonly caller: UserCaller;
}

/** Wrappers for the route table: what stands around a handler is who may call it. */
export interface Auth {
  /** Anyone with a valid token, a person or a service. */
  tokenRequired(handler: Handler<CallerContext>): Handler;
  /** People only: pages. A service gets 403. */
  userRequired(handler: Handler<UserContext>): Handler;
  /** Administrators, and services, which are trusted (contract §7). */
  adminRequired(handler: Handler<CallerContext>): Handler;
  /** Administrators only, no services: what a person has to answer for. */
  adminUserRequired(handler: Handler<UserContext>): Handler;
  /** People of one of the levels, and services. */
  levelRequired(levels: readonly PermissionLevel[], handler: Handler<CallerContext>): Handler;
}

export function createAuth(verifier: TokenVerifier): Auth {
  const tokenRequired: Auth["tokenRequired"] = (handler) => async (request, context) => {
    const token = readBearer(request.headers.get("authorization"));
    const caller = await verifier.verify(token);
    const who = caller.kind === "user" ? { sub: caller.user.sub } : { caller: caller.service };
    return await handler(request, { ...context, caller, log: context.log.child(who) });
  };
  const userRequired: Auth["userRequired"] = (handler) =>
    tokenRequired((request, context) => {
      if (!isUserContext(context)) throw new HttpError(403, "This is for people, not for services");
      return handler(request, context);
    });
  const levelRequired: Auth["levelRequired"] = (levels, handler) =>
    tokenRequired((request, context) => {
      if (isUserContext(context)) requireLevel(context, levels);
      return handler(request, context);
    });
  return {
    tokenRequired,
    userRequired,
    levelRequired,
    adminRequired: (handler) => levelRequired(["admin"], handler),
    adminUserRequired: (handler) =>
      userRequired((request, context) => {
        requireLevel(context, ["admin"]);
        return handler(request, context);
      }),
  };
}

/** The token of `Authorization: Bearer <token>` (RFC 6750 §2.1). @throws {HttpError} 401 */
export function readBearer(header: string | null): string {
  const token = /^Bearer +([\w.~+/=-]+) *$/i.exec(header ?? "")?.[1];
  if (token !== undefined) return token;
  if (header !== null) throw invalidToken("the Authorization header is not Bearer <token>");
  throw new HttpError(401, "A token is required: the Authorization header is missing", {
    // No error code where no credential was sent (RFC 6750 §3.1).
    headers: { "www-authenticate": "Bearer" },
  });
}

function isUserContext(context: CallerContext): context is UserContext {
  return context.caller.kind === "user";
}

function requireLevel(context: UserContext, levels: readonly PermissionLevel[]): void {
  const level = context.caller.user.permission_level;
  if (levels.includes(level)) return;
  throw new HttpError(
    403,
    `This needs permission level ${levels.join(" or ")}; yours is ${level}`,
    {
      fields: { required_levels: levels, permission_level: level },
    },
  );
}
