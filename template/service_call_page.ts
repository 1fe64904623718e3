// A page that calls another service, to show how that is done and what can go wrong.
import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { serviceTitle } from "./page_data.ts";
import type { Parts } from "./routes.ts";

/**
 * The path is fixed: a service's token opens more than the person's (contract §4), so a person may
 * not choose what is asked for with it.
 */
const path = "/api/data";

/** So much of an answer is shown. */
const mostShown = 4000;

/** What came back, or why nothing did. */
type Outcome =
  | { readonly status: number; readonly is_ok: boolean; readonly body: string }
  | { readonly problem: string };

/** GET /admin/service-call?target=<service>: asks that service for its data; itself by default. */
export function showServiceCall(parts: Parts): Handler<UserContext> {
  return async (_request, context) => {
    const { service, registry, views } = parts;
    const target = context.url.searchParams.get("target") ?? service;
    const outcome = await call(parts, target, context);
    const page = views.render("admin/service_call", {
      title: serviceTitle(parts),
      home_url: context.link("/"),
      call_url: context.link("/admin/service-call"),
      service,
      target,
      path,
      targets: registry.list().map(({ name }) => ({ name, is_chosen: name === target })),
      answer: "status" in outcome ? outcome : undefined,
      problem: "problem" in outcome ? outcome.problem : undefined,
    });
    return html(page);
  };
}

async function call({ client }: Parts, target: string, context: UserContext): Promise<Outcome> {
  try {
    const response = await client.callService(target, path, { context });
    const body = await response.text();
    return { status: response.status, is_ok: response.ok, body: forReading(body) };
  } catch (error) {
    // The page is about the call, so what went wrong with it is the page's content.
    if (!(error instanceof HttpError)) throw error;
    context.log.warn(error.message, { error });
    return { problem: error.message };
  }
}

/** JSON with line breaks, anything else as it is, not too much of either. */
function forReading(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2).slice(0, mostShown);
  } catch {
    return body.slice(0, mostShown);
  }
}
