// The JSON twins of the pages about apps, and the stream that a page follows an operation by.
import type { UserContext } from "@hivematrix/lib/auth";
import { readJson } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import { beginOperation, followOperation, requireRequest } from "../control/app_routes.ts";
import { type AppPagesParts, readAround, requireLiveSession } from "./app_access.ts";
import { requireOperation } from "./app_pages.ts";

const fresh = { headers: { "cache-control": "no-store" } };

/** GET /api/apps */
export function listThroughApi(parts: AppPagesParts): Handler<UserContext> {
  return async () => Response.json(await parts.installs.listApps(await readAround(parts)), fresh);
}

/** POST /api/apps/check: the same list, after every repository was asked. */
export function checkThroughApi(parts: AppPagesParts): Handler<UserContext> {
  return async () => {
    const around = await readAround(parts);
    await parts.installs.checkForUpdates(around);
    return Response.json(await parts.installs.listApps(around), fresh);
  };
}

/** POST /api/operations: begins one, and answers at once. */
export function beginThroughApi(parts: AppPagesParts): Handler<UserContext> {
  return async (request, context) => {
    const wanted = requireRequest(await readJson(request));
    await requireLiveSession(parts, context);
    const by = context.caller.user.preferred_username ?? "";
    const { status } = await beginOperation(parts.installs, wanted, by);
    return Response.json(status, { status: 202 });
  };
}

/** GET /api/operations/:id: its state, and what it has said. */
export function showThroughApi({ installs }: AppPagesParts): Handler<UserContext> {
  return (_request, { params: { id = "" } }) => {
    const operation = requireOperation(installs, id);
    return Response.json({ ...operation.status, lines: operation.linesFrom(0).lines }, fresh);
  };
}

/**
 * GET /api/operations/:id/events: its lines as server-sent events, from `from` on, or from where a
 * connection was cut. The stream ends with the operation, or with the token that opened it.
 */
export function streamThroughApi({ installs, closing }: AppPagesParts): Handler<UserContext> {
  return (request, { params: { id = "" }, url, caller }) => {
    const operation = requireOperation(installs, id);
    const from = Number(request.headers.get("last-event-id") ?? url.searchParams.get("from") ?? 0);
    const leftMs = Math.max(0, caller.user.exp * 1000 - Date.now());
    const body = followOperation(operation, {
      from: Number.isSafeInteger(from) ? from : 0,
      signal: AbortSignal.any([closing, AbortSignal.timeout(leftMs)]),
      lines: (lines, next) => `id: ${next}\nevent: lines\ndata: ${JSON.stringify(lines)}\n\n`,
      end: (status) => `event: end\ndata: ${JSON.stringify(status)}\n\n`,
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  };
}
