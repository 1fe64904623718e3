import { addressGroup } from "@hivematrix/lib/client_address";
import type { Log } from "@hivematrix/lib/log";
import { describeWait, type PasswordThrottle } from "@hivematrix/lib/password_throttle";
import type { Middleware, ParameterizedContext } from "koa";
import type Provider from "oidc-provider";
import type { InteractionResults } from "oidc-provider";
import { readBrowserAddress } from "./browser_address.ts";
import type { EmbeddedAccounts } from "./embedded_accounts.ts";
import { readFormBody } from "./form_body.ts";
import type { KnownDevices } from "./known_device.ts";
import { requireOpenAttempt } from "./open_attempt.ts";
import { renderPage } from "./provider_pages.ts";
import type { PublicAddress } from "./public_address.ts";

interface LoginParts {
  readonly address: PublicAddress;
  readonly accounts: EmbeddedAccounts;
  readonly throttle: PasswordThrottle;
  readonly devices: KnownDevices;
  readonly log: Log;
}

/** The sign-in page of one attempt. Its own path: the attempt's cookie is kept for that path alone. */
export function loginPath(uid: string): string {
  return `/login-actions/authenticate/${uid}`;
}

/** The sign-in page and its form. */
export function answerLogin(provider: Provider, parts: LoginParts): Middleware {
  return async (context, next) => {
    const uid = /^\/login-actions\/authenticate\/([\w-]+)$/.exec(context.path)?.[1];
    if (uid === undefined) return await next();
    const wanted = { uid, prompt: "login", address: parts.address } as const;
    if ((await requireOpenAttempt(provider, context, wanted)) === undefined) return;
    if (context.method !== "POST") return renderLogin(context, parts.address);
    await takeForm(provider, context, parts);
  };
}

async function takeForm(
  provider: Provider,
  context: ParameterizedContext,
  { address, accounts, throttle, devices, log }: LoginParts,
): Promise<void> {
  const finish = async (result: InteractionResults) => {
    context.status = 303;
    context.redirect(await provider.interactionResult(context.req, context.res, result));
  };
  const form = await readFormBody(context);
  if (form.get("action") === "cancel") {
    log.info("sign-in cancelled");
    // The application is told in OAuth's words (RFC 6749 §4.1.2.1).
    return await finish({ error: "access_denied", error_description: "sign-in was cancelled" });
  }
  const username = form.get("username") ?? "";
  const client = readBrowserAddress(context);
  // In the log without the name that was typed: people type passwords there by mistake.
  const userId = await accounts.findId(username);
  const device = userId === undefined ? undefined : devices.find(context, userId);
  const attempt = throttle.begin({ user: userId ?? username, address: client, device });
  if (attempt.waitSeconds > 0) {
    const { waitSeconds } = attempt;
    log.warn("sign-in throttled", { user_id: userId, address: client, wait_seconds: waitSeconds });
    context.set("Retry-After", String(waitSeconds));
    return renderLogin(context, address, { username, waitSeconds });
  }
  const turn = addressGroup(client);
  const account = await accounts.checkPassword(username, form.get("password") ?? "", turn);
  if (account === undefined) {
    const reason = "wrong user name or password, or disabled user";
    log.warn("sign-in refused", { reason, user_id: userId, address: client });
    return renderLogin(context, address, { username, isRefused: true });
  }
  attempt.succeed();
  devices.remember(context, account.id, device);
  log.info("signed in", { user_id: account.id, address: client });
  await finish({ login: { accountId: account.id, amr: ["pwd"], remember: false } });
}

function renderLogin(
  context: ParameterizedContext,
  address: PublicAddress,
  { username = "", isRefused = false, waitSeconds = 0 } = {},
): void {
  const isThrottled = waitSeconds > 0;
  context.status = isThrottled ? 429 : isRefused ? 403 : 200;
  const action = address.path + context.path;
  // Whoever was refused goes on with the password; the name is there already.
  const focus = username !== "" ? "password" : "username";
  renderPage(context, address, "login", {
    action,
    username,
    isRefused,
    isThrottled,
    wait: describeWait(waitSeconds),
    focusUsername: focus === "username",
    focusPassword: focus === "password",
  });
}
