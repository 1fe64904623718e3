import { HttpError } from "@hivematrix/lib/http_error";
import type { ParameterizedContext } from "koa";
import type Provider from "oidc-provider";
import { errors } from "oidc-provider";
import { isFromOwnPage } from "./browser_security.ts";
import { expiredAttempt } from "./provider_errors.ts";
import { renderPage } from "./provider_pages.ts";
import type { PublicAddress } from "./public_address.ts";

export type OpenAttempt = Awaited<ReturnType<Provider["interactionDetails"]>>;

/** What oidc-provider asks people for. */
export type PromptName = "login" | "update_password";

/**
 * The attempt to sign in that the path names, which this browser started and which waits for this
 * very page. Otherwise `undefined`, and the page that says so is written.
 *
 * @throws {HttpError} 405, 403 for a form of another site
 */
export async function requireOpenAttempt(
  provider: Provider,
  context: ParameterizedContext,
  { uid, prompt, address }: { uid: string; prompt: PromptName; address: PublicAddress },
): Promise<OpenAttempt | undefined> {
  const { method } = context;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") {
    throw new HttpError(405, "This page answers GET and POST only");
  }
  if (method === "POST" && !isFromOwnPage(context, address)) {
    throw new HttpError(403, "The form was not sent by the sign-in page");
  }
  const attempt = await findAttempt(provider, context);
  if (attempt?.uid === uid && attempt.prompt.name === prompt) return attempt;
  context.status = expiredAttempt.status;
  renderPage(context, address, "message", { ...expiredAttempt, action: "Start again" });
  return undefined;
}

/** By the cookie, which is kept for the path of one attempt alone. */
async function findAttempt(
  provider: Provider,
  { req, res }: ParameterizedContext,
): Promise<OpenAttempt | undefined> {
  try {
    return await provider.interactionDetails(req, res);
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return undefined;
    throw error;
  }
}
