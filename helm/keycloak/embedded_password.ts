// "Choose a new password": Keycloak's required action UPDATE_PASSWORD, for whoever signs in with a
// password that somebody else has set, and for whoever asks for it (`kc_action=UPDATE_PASSWORD`).
import { addressGroup } from "@hivematrix/lib/client_address";
import type { Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import type { Middleware, ParameterizedContext } from "koa";
import type Provider from "oidc-provider";
import type { InteractionResults } from "oidc-provider";
import { AccountError } from "./account_text.ts";
import { readBrowserAddress } from "./browser_address.ts";
import type { Account, EmbeddedAccounts } from "./embedded_accounts.ts";
import { readFormBody } from "./form_body.ts";
import { type OpenAttempt, requireOpenAttempt } from "./open_attempt.ts";
import { minPasswordCharacters, refuseChosenPassword } from "./password_rules.ts";
import { renderPage } from "./provider_pages.ts";
import type { PublicAddress } from "./public_address.ts";
import { endSession } from "./session_ending.ts";
import { isAskedFor } from "./session_policy.ts";

interface PasswordParts {
  readonly address: PublicAddress;
  readonly accounts: EmbeddedAccounts;
  readonly sql: Sql;
  readonly onLogout: () => void;
  readonly log: Log;
}

/** One visit to the page: an attempt to sign in whose session knows already who it is. */
interface Visit {
  readonly context: ParameterizedContext;
  readonly attempt: OpenAttempt;
  readonly account: Account;
  /** Of the session that is being signed in to. */
  readonly session: string;
}

export function passwordPath(uid: string): string {
  return `/login-actions/required-action/${uid}`;
}

/** The page and its form. */
export function answerPasswordChange(provider: Provider, parts: PasswordParts): Middleware {
  const finish = async ({ context, attempt }: Visit, result: InteractionResults) => {
    const { login } = attempt.lastSubmission ?? {};
    // Of an earlier step: with a time, it is no sign-in of its own (session_renewal.ts).
    const before = login && { login: { ...login, ts: Math.floor(Date.now() / 1000) } };
    const { req, res } = context;
    context.status = 303;
    context.redirect(await provider.interactionResult(req, res, { ...before, ...result }));
  };
  const cancel = async (visit: Visit) => {
    const { account, session, attempt } = visit;
    if (!account.mustChangePassword) return await finish(visit, { update_password: {} });
    parts.log.info("sign-in cancelled", { user_id: account.id });
    // Else the next person at this computer could choose the password, without knowing the present one.
    if (attempt.session !== undefined) {
      attempt.session.uid = "";
      await attempt.persist();
    }
    await endSession(parts.sql, session);
    parts.onLogout();
    await finish(visit, { error: "access_denied", error_description: "sign-in was cancelled" });
  };

  return async (context, next) => {
    const uid = /^\/login-actions\/required-action\/([\w-]+)$/.exec(context.path)?.[1];
    if (uid === undefined) return await next();
    const { address, accounts } = parts;
    const wanted = { uid, prompt: "update_password", address } as const;
    const attempt = await requireOpenAttempt(provider, context, wanted);
    if (attempt === undefined) return;
    const account = await accounts.find(attempt.session?.accountId ?? "");
    // Without a user who may sign in, oidc-provider asks who it is.
    if (account?.isEnabled !== true) return context.redirect(attempt.returnTo);
    const visit = { context, attempt, account, session: attempt.session?.uid ?? "" };
    // Another tab was faster: there is nothing to be done any more.
    if (!account.mustChangePassword && !isAskedFor(attempt.params)) {
      return await finish(visit, { update_password: {} });
    }
    if (context.method !== "POST") return renderForm(visit, address);
    const form = await readFormBody(context);
    if (form.get("action") === "cancel") return await cancel(visit);
    if (await takePassword(visit, form, parts)) await finish(visit, { update_password: {} });
  };
}

/** @returns whether the password is set; otherwise the page is there again, with the reason */
async function takePassword(
  visit: Visit,
  form: URLSearchParams,
  { address, accounts, log }: PasswordParts,
): Promise<boolean> {
  const { context, account, session } = visit;
  const password = form.get("password-new") ?? "";
  const problem = refuseChosenPassword(password, {
    repeated: form.get("password-confirm") ?? "",
    names: [account.username, account.name, account.email ?? ""],
  });
  if (problem !== undefined) {
    renderForm(visit, address, problem);
    return false;
  }
  const client = readBrowserAddress(context);
  try {
    const turn = addressGroup(client);
    const outcome = await accounts.choosePassword(account.id, password, { session, turn });
    if (outcome === "isFormer") {
      renderForm(visit, address, "This is the password that you have. Please choose another one.");
      return false;
    }
  } catch (error) {
    // Another tab or an administrator has set one meanwhile: what is to be done now, the page knows.
    if (!(error instanceof AccountError) || error.kind === "invalid") throw error;
    context.status = 303;
    context.redirect(address.path + context.path);
    return false;
  }
  log.info("password chosen", { user_id: account.id, address: client });
  return true;
}

function renderForm({ context, account }: Visit, address: PublicAddress, problem?: string): void {
  context.status = problem === undefined ? 200 : 400;
  renderPage(context, address, "new_password", {
    action: address.path + context.path,
    username: account.username,
    isForced: account.mustChangePassword,
    minCharacters: minPasswordCharacters,
    problem,
  });
}
