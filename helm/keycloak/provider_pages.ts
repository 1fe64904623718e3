import { join } from "node:path";
import { createViews } from "@hivematrix/lib/views";
import type { ParameterizedContext } from "koa";
import type { PublicAddress } from "./public_address.ts";

const views = createViews(join(import.meta.dirname, "views"));

/** A page of the provider in the platform's look; it knows the way home. */
export function renderPage(
  context: ParameterizedContext,
  address: PublicAddress,
  view: "login" | "new_password" | "message" | "sign_out",
  data: object,
): void {
  context.type = "html";
  context.body = views.render(view, { home: `${address.publicOrigin}/`, ...data });
}
