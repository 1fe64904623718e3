import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Handler } from "@hivematrix/lib/router";
import type { Platform } from "../control/platform.ts";
import { serviceRow } from "./service_row.ts";
import type { StatusFeed } from "./status_feed.ts";

/** GET /api/services: the state of every service. */
export function listServices(platform: Platform): Handler {
  return async () => {
    const { services } = await platform.status();
    return Response.json(services, { headers: { "cache-control": "no-store" } });
  };
}

/**
 * GET /api/services/events: the rows of all services as server-sent events, and the platform as a
 * whole. The stream ends with the
 * token that opened it; the browser then asks again with the one that it has by then.
 */
export function streamServices(feed: StatusFeed): Handler<UserContext> {
  return (_request, { caller }) => {
    const encoder = new TextEncoder();
    let stop = () => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const end = () => {
          stop();
          controller.close();
        };
        const stopListening = feed.listen((news) => {
          const events = Object.entries(news).map(
            ([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
          );
          controller.enqueue(encoder.encode(events.join("")));
        }, end);
        const expiry = setTimeout(end, caller.user.exp * 1000 - Date.now());
        stop = () => {
          stopListening();
          clearTimeout(expiry);
        };
      },
      cancel: () => stop(),
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  };
}

/** POST /api/services/:name/:action: begins to act and answers at once. */
export function actOnService(platform: Platform): Handler<UserContext> {
  return async (_request, context) => {
    const row = await begin(platform, context);
    return Response.json(row, { status: 202 });
  };
}

/**
 * Begins an action. It is not waited for: when Nexus is restarted from a page, that page's own
 * request would keep Nexus from ending.
 *
 * @throws {HttpError} 404 for an unknown service or action, 409 for one that is not offered
 */
export async function begin(platform: Platform, { params, log, caller }: UserContext) {
  const { name = "", action = "" } = params;
  const status = (await platform.status()).services.find((service) => service.name === name);
  if (status === undefined) throw new HttpError(404, `There is no service "${name}"`);
  const row = serviceRow(status);
  const actions = new Map([
    ["start", { isOffered: row.can_start, act: () => platform.startService(name) }],
    ["stop", { isOffered: row.can_stop, act: () => platform.stop(name) }],
    ["restart", { isOffered: row.can_restart, act: () => platform.restart(name) }],
  ]);
  const chosen = actions.get(action);
  if (chosen === undefined) throw new HttpError(404, `There is no action "${action}"`);
  if (!chosen.isOffered) {
    throw new HttpError(409, `Cannot ${action} ${name} from here while it is ${row.state}`);
  }
  log.info("service action", { name, action, by: caller.user.preferred_username });
  chosen.act().catch((error: unknown) => log.error(`Cannot ${action} ${name}`, { error }));
  return row;
}
