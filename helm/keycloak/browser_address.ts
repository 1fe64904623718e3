import type { ParameterizedContext } from "koa";

/**
 * Where a browser is. Nexus sets X-Forwarded-For itself, to the one address that it sees, and this
 * server listens for nobody but this machine.
 */
export function readBrowserAddress(context: Pick<ParameterizedContext, "get" | "req">): string {
  const forwarded = context.get("X-Forwarded-For").split(",").at(-1)?.trim() ?? "";
  return forwarded || (context.req.socket.remoteAddress ?? "");
}
