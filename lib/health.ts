import type { Route } from "./router.ts";

/**
 * GET /health for the supervisor: 200 when every check resolves in time, else 503 naming those that
 * failed. Open to everyone on loopback, so it says nothing about the reasons.
 *
 * @param options checkTimeoutMs: default 3 s
 */
export function healthRoute(
  service: string,
  checks: Readonly<Record<string, () => Promise<unknown>>> = {},
  { checkTimeoutMs = 3000 }: { checkTimeoutMs?: number } = {},
): Route {
  return {
    method: "GET",
    path: "/health",
    handler: async (_request, context) => {
      const results = await Promise.all(
        Object.entries(checks).map(async ([name, check]) => {
          try {
            await within(check(), checkTimeoutMs);
            return [name, "ok"] as const;
          } catch (error) {
            context.log.warn("health check failed", { check: name, error });
            return [name, "failing"] as const;
          }
        }),
      );
      const isWell = results.every(([, result]) => result === "ok");
      return Response.json(
        { status: isWell ? "ok" : "failing", service, checks: Object.fromEntries(results) },
        { status: isWell ? 200 : 503, headers: { "cache-control": "no-store" } },
      );
    },
  };
}

/** @throws {Error} once the time is out */
async function within(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no result within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
