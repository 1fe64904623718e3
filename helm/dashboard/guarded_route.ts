import type { UserContext } from "@hivematrix/lib/auth";
import type { Handler, Route } from "@hivematrix/lib/router";

/** Lets in whom a page or a call is for, administrators as a rule. */
export type Guard = (handler: Handler<UserContext>) => Handler;

/** Makes the routes of a table that all stand behind the same guard. */
export function guardedBy(
  guard: Guard,
): (method: string, path: string, handler: Handler<UserContext>) => Route {
  return (method, path, handler) => ({ method, path, handler: guard(handler) });
}
