import type { Sql } from "@hivematrix/lib/database";
import type { Log } from "@hivematrix/lib/log";
import type { PasswordThrottle } from "@hivematrix/lib/password_throttle";
import type Koa from "koa";
import Provider, { type ClientMetadata, type Configuration } from "oidc-provider";
import { answerBackendLogout } from "./backend_logout.ts";
import { isolateBrowsers } from "./browser_security.ts";
import type { Account, EmbeddedAccounts } from "./embedded_accounts.ts";
import { answerLogin, loginPath } from "./embedded_login.ts";
import { answerPasswordChange, passwordPath } from "./embedded_password.ts";
import { KnownDevices } from "./known_device.ts";
import { lifetimes } from "./lifetimes.ts";
import { createOidcAdapter } from "./oidc_adapter.ts";
import { answerFailures, renderProviderError, reportProviderErrors } from "./provider_errors.ts";
import { renderPage } from "./provider_pages.ts";
import { type PublicAddress, pinAddress } from "./public_address.ts";
import { endSession } from "./session_ending.ts";
import { loadGrant, remainingSessionSeconds, scopes, signInPolicy } from "./session_policy.ts";
import { renewSessionsInPlace } from "./session_renewal.ts";
import { noteSessionUses } from "./session_uses.ts";
import type { SigningKey } from "./signing_keys.ts";

export interface EmbeddedProviderOptions {
  readonly address: PublicAddress;
  readonly client: { readonly id: string; readonly secret: string };
  /** Helm, which gets tokens for the admin API and nothing else. Default: nobody does. */
  readonly adminClient?: { readonly id: string; readonly secret: string } | undefined;
  readonly signingKey: SigningKey;
  readonly cookieKey: string;
  readonly sql: Sql;
  readonly accounts: EmbeddedAccounts;
  readonly throttle: PasswordThrottle;
  /** Called when there is something to tell Core (backchannel_logout.ts). */
  readonly onLogout: () => void;
  readonly log: Log;
}

/**
 * An OpenID provider with the paths, the client and the claims that Keycloak would have: everything
 * below `/realms/<realm>`, mounted there by provider_server.ts.
 */
export function createEmbeddedProvider(options: EmbeddedProviderOptions): Provider {
  const { address, log } = options;
  const provider = new Provider(address.issuer, configuration(options));
  // What arrives here has an answer already (provider_errors.ts): the browser went away meanwhile.
  const koa: Koa = provider;
  koa.on("error", (error) => log.info("request broke off", { error: String(error) }));
  pinAddress(provider, address);
  nameSessions(provider);
  renewSessionsInPlace(provider);
  endSessionsForGood(provider, options);
  reportProviderErrors(provider, log);
  provider.use(isolateBrowsers(address));
  provider.use(answerFailures(address, log));
  provider.use(noteSessionUses(options.sql, log));
  provider.use(answerBackendLogout(provider, options));
  const devices = new KnownDevices(options.cookieKey, address);
  provider.use(answerLogin(provider, { ...options, devices }));
  provider.use(answerPasswordChange(provider, options));
  return provider;
}

/**
 * `sid` in every ID token, as Keycloak has it, and always the session's own name: oidc-provider would
 * draw one for each of several tabs that sign in at once, and know only the last of them at the end.
 */
function nameSessions({ Client, Session }: Provider): void {
  Client.prototype["includeSid"] = () => true;
  Session.prototype.ensureClientContainer = function (clientId) {
    this.sidFor(clientId, this.uid);
  };
}

/** Sign-out in the browser, also the one before somebody else signs in there. */
function endSessionsForGood(
  { Session }: Provider,
  { sql, onLogout, log }: Pick<EmbeddedProviderOptions, "sql" | "onLogout" | "log">,
): void {
  const { destroy } = Session.prototype;
  Session.prototype.destroy = async function () {
    await endSession(sql, this.uid);
    await destroy.call(this);
    log.info("signed out in the browser", { user_id: this.accountId });
    onLogout();
  };
}

function configuration(options: EmbeddedProviderOptions): Configuration {
  const { address, client, sql, accounts } = options;
  const cookie = { httpOnly: true, sameSite: "lax", secure: address.isSecure } as const;
  return {
    adapter: (model) => createOidcAdapter(sql, model),
    jwks: { keys: [{ ...options.signingKey, use: "sig", alg: "RS256" }] },
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        // The same for client_secret_post: oidc-provider takes either for either.
        token_endpoint_auth_method: "client_secret_basic",
        redirect_uris: [`${address.publicOrigin}/keycloak-callback`],
        post_logout_redirect_uris: [`${address.publicOrigin}/`],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      },
      ...(options.adminClient === undefined ? [] : [serviceAccount(options.adminClient)]),
    ],
    responseTypes: ["code"],
    clientAuthMethods: ["client_secret_basic", "client_secret_post"],
    // By backchannel_logout.ts, not by the feature of oidc-provider.
    discovery: { backchannel_logout_supported: true, backchannel_logout_session_supported: true },
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    // Keycloak's way of asking for a page of the sign-in (embedded_password.ts).
    extraParams: ["kc_action"],
    routes: {
      authorization: "/protocol/openid-connect/auth",
      token: "/protocol/openid-connect/token",
      userinfo: "/protocol/openid-connect/userinfo",
      jwks: "/protocol/openid-connect/certs",
      end_session: "/protocol/openid-connect/logout",
      revocation: "/protocol/openid-connect/revoke",
      introspection: "/protocol/openid-connect/token/introspect",
    },
    cookies: {
      keys: [options.cookieKey],
      names: { session: "hive_sso", interaction: "hive_sign_in", resume: "hive_resume" },
      long: { ...cookie, path: `${address.path}/` },
      // Without a path: oidc-provider sets one for each attempt, so tabs do not overwrite each other.
      short: cookie,
    },
    scopes,
    // Keycloak's `groups` come without being asked for, and Core needs the rest on every sign-in.
    claims: {
      openid: ["sub", "preferred_username", "name", "email", "groups"],
      profile: ["preferred_username", "name", "given_name", "family_name"],
      email: ["email"],
      groups: ["groups"],
    },
    findAccount: async (_context, id) => {
      const account = await accounts.find(id);
      if (account?.isEnabled !== true) return undefined;
      const { mustChangePassword } = account;
      return { accountId: id, mustChangePassword, claims: async () => toClaims(account) };
    },
    loadExistingGrant: loadGrant,
    issueRefreshToken: (_context, client) => client.grantTypeAllowed("refresh_token"),
    ttl: {
      AccessToken: lifetimes.token,
      ClientCredentials: lifetimes.adminToken,
      IdToken: lifetimes.token,
      AuthorizationCode: 60,
      Interaction: lifetimes.attempt,
      RefreshToken: lifetimes.session,
      Session: remainingSessionSeconds,
      // Longer than any session that rests on it.
      Grant: 2 * lifetimes.session,
    },
    interactions: {
      policy: signInPolicy(),
      url: (_context, { prompt, uid }) =>
        address.path + (prompt.name === "login" ? loginPath(uid) : passwordPath(uid)),
    },
    renderError: renderProviderError(address),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      introspection: { enabled: true, allowedPolicy: isOwnToken },
      revocation: { enabled: true, allowedPolicy: isOwnToken },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => renderPage(context, address, "sign_out", { form }),
        postLogoutSuccessSource: (context) =>
          renderPage(context, address, "message", {
            title: "You are signed out",
            text: "You can close this window or sign in again.",
            action: "Sign in",
          }),
      },
    },
  };
}

/** A client that only ever speaks for itself. */
function serviceAccount({ id, secret }: { id: string; secret: string }): ClientMetadata {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: "client_secret_basic",
    redirect_uris: [],
    response_types: [],
    grant_types: ["client_credentials"],
  };
}

function isOwnToken(
  _context: unknown,
  client: { clientId: string },
  token: { clientId?: string | undefined },
): boolean {
  return token.clientId === client.clientId;
}

function toClaims({ id, username, name, firstName, lastName, email, groups }: Account) {
  return {
    sub: id,
    preferred_username: username,
    name,
    ...(firstName !== "" && { given_name: firstName }),
    ...(lastName !== "" && { family_name: lastName }),
    ...(email !== null && { email }),
    groups: [...groups],
  };
}
