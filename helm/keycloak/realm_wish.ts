// What the realm has to be. Everything named in here is the platform's: realm_setup.ts sets it right
// at every start. Everything else is the administrator's and is left alone.
import type { FirstUser } from "./first_start.ts";
import { lifetimes } from "./lifetimes.ts";
import { minPasswordCharacters } from "./password_rules.ts";
import type { Fields } from "./realm_diff.ts";

export interface RealmWish {
  /** Where browsers reach the platform: `https://hive.example.org`. */
  readonly publicOrigin: string;
  /** Where the provider reaches Core, on loopback. */
  readonly coreUrl: string;
  readonly coreClient: ClientCredential;
  /** Helm's own client in the realm (users, groups and sessions). */
  readonly helmClient: ClientCredential;
  readonly firstUser: FirstUser | undefined;
  /** The theme of the sign-in pages, where the server has it. Default: left as it is. */
  readonly loginTheme?: string | undefined;
  /** How long Core's sessions last, if longer than the provider's usual ones. */
  readonly coreSessionSeconds?: number | undefined;
  /**
   * The realm is somebody else's: how strict and how long its sessions and passwords are, and how it
   * looks, is theirs to say. Only what the platform cannot do without is set then.
   */
  readonly isShared?: boolean | undefined;
}

export interface ClientCredential {
  readonly id: string;
  readonly secret: string;
}

/** Helm asks all of these of people and sessions; not `realm-admin`: it changes no realm. */
export const helmRoles = [
  "manage-users",
  "view-users",
  "query-groups",
  "view-realm",
  "view-events",
];

/** Core only reads: who is still there, in which groups, and what has changed. */
export const coreRoles = ["view-users", "query-users", "query-groups", "view-events"];

/** The groups that Core knows as permission levels (contract §2). */
export const platformGroups = ["admins", "technicians", "billing"];

/** Of the realm itself. */
export function realmFields(wanted: RealmWish): Fields {
  if (wanted.isShared) return { ...eventFields, bruteForceProtected: true };
  const isSecure = new URL(wanted.publicOrigin).protocol === "https:";
  return {
    enabled: true,
    displayName: "HiveMatrix",
    loginWithEmailAllowed: true,
    duplicateEmailsAllowed: false,
    // Nexus takes no other (nexus/provider.ts).
    defaultSignatureAlgorithm: "RS256",
    // "external" would refuse every browser of a platform without TLS that is not on this machine.
    sslRequired: isSecure ? "external" : "none",
    ...(wanted.loginTheme !== undefined && { loginTheme: wanted.loginTheme }),
    ...sessionFields(wanted),
    ...lockoutFields,
    ...eventFields,
    browserSecurityHeaders: securityHeaders,
  };
}

/** As long as the embedded provider's. */
function sessionFields({ coreSessionSeconds = 0 }: RealmWish): Fields {
  const session = Math.max(lifetimes.session, coreSessionSeconds);
  return {
    ssoSessionMaxLifespan: session,
    // Nobody refreshes tokens here, so for Keycloak every session is idle; Core has its own idle
    // limit. The refresh token, with which Core ends the session, lasts as long as this too.
    ssoSessionIdleTimeout: session,
    accessTokenLifespan: lifetimes.token,
    accessCodeLifespan: 60,
    accessCodeLifespanLogin: lifetimes.attempt,
  };
}

/**
 * Keycloak counts failed passwords by user alone, whatever the address, and refuses the right one too
 * while a user is locked. Whoever goes on guessing could so keep a person out for as long as they
 * like (R33). So the lock is short and nothing but a brake: after 100 failures, each further one costs
 * everybody two seconds. It bounds what all addresses in the world together can guess; what one
 * address may try is bounded before Keycloak, by Nexus.
 */
const lockoutFields = {
  bruteForceProtected: true,
  permanentLockout: false,
  bruteForceStrategy: "MULTIPLE",
  failureFactor: 100,
  waitIncrementSeconds: 2,
  maxFailureWaitSeconds: 2,
  // Two failures within this time would lock a user at once, at the first try of an attacker.
  quickLoginCheckMilliSeconds: 0,
  minimumQuickLoginWaitSeconds: 1,
  // The count begins anew when nothing has failed for so long.
  maxDeltaTimeSeconds: 3600,
};

/**
 * The embedded provider's rules (password_rules.ts), which Keycloak applies to passwords that an
 * administrator sets as well. For a realm without any policy: another one is the administrator's choice.
 */
export const passwordPolicy = [
  `length(${minPasswordCharacters})`,
  "maxLength(1024)",
  "notUsername(undefined)",
  "notEmail(undefined)",
  // The one before.
  "passwordHistory(1)",
].join(" and ");

/** Core learns from these what has changed here; people of the audit who did. */
const eventFields = {
  eventsEnabled: true,
  eventsExpiration: 7 * 24 * 3600,
  adminEventsEnabled: true,
  attributes: { adminEventsExpiration: String(7 * 24 * 3600) },
};

/**
 * Kinds of events that are stored, at least. Failed sign-ins are not among them: anybody can cause as
 * many as they like, and would fill the database. They stand in the log, which is bounded.
 */
export const storedEvents = [
  "LOGIN",
  "LOGOUT",
  "UPDATE_PASSWORD",
  "RESET_PASSWORD",
  "UPDATE_CREDENTIAL",
  "REMOVE_CREDENTIAL",
  "UPDATE_EMAIL",
  "UPDATE_PROFILE",
  "DELETE_ACCOUNT",
];

/**
 * On every page of the realm, Keycloak's own account pages included, which need their inline scripts.
 * The sign-in pages of the theme have a stricter policy of their own (theme/login/template.ftl).
 */
const securityHeaders = {
  // Not no-referrer, with which browsers send "Origin: null" with a form (browser_security.ts).
  referrerPolicy: "same-origin",
  contentSecurityPolicy: [
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    // The account pages look in a frame of their own whether somebody is signed in.
    "frame-ancestors 'self'",
    "base-uri 'self'",
  ].join("; "),
  contentSecurityPolicyReportOnly: "",
  xFrameOptions: "SAMEORIGIN",
  xContentTypeOptions: "nosniff",
  // Nexus says it, for all of the host.
  strictTransportSecurity: "",
};

/** Of `core-client`, with which Nexus signs people in. */
export function coreClientFields({ publicOrigin, coreUrl, coreClient }: RealmWish): Fields {
  return {
    ...confidential(coreClient),
    name: "HiveMatrix",
    standardFlowEnabled: true,
    baseUrl: `${publicOrigin}/`,
    // Exact, and no others: a redirect URI is where codes are sent.
    redirectUris: [`${publicOrigin}/keycloak-callback`],
    attributes: {
      ...commonAttributes,
      "pkce.code.challenge.method": "S256",
      "post.logout.redirect.uris": `${publicOrigin}/`,
      "backchannel.logout.url": `${coreUrl}/api/backchannel-logout`,
      "backchannel.logout.session.required": "true",
      "id.token.signed.response.alg": "RS256",
      // Core reads JSON (core/keycloak_userinfo.ts).
      "user.info.response.signature.alg": "",
      // `iss` in the answer (RFC 9207) is how Nexus knows who it is from.
      "exclude.issuer.from.auth.response": "",
    },
  };
}

/** Of Helm's client: no person signs in with it. */
export function helmClientFields({ helmClient }: RealmWish): Fields {
  return {
    ...confidential(helmClient),
    name: "HiveMatrix Helm",
    standardFlowEnabled: false,
    redirectUris: [],
    attributes: commonAttributes,
  };
}

function confidential({ id, secret }: ClientCredential): Fields {
  return {
    clientId: id,
    secret,
    enabled: true,
    protocol: "openid-connect",
    publicClient: false,
    bearerOnly: false,
    clientAuthenticatorType: "client-secret",
    implicitFlowEnabled: false,
    // A password at the token endpoint would be a way around the sign-in page.
    directAccessGrantsEnabled: false,
    serviceAccountsEnabled: true,
    consentRequired: false,
    // With it, Keycloak would send browsers from page to page and tell Core nothing.
    frontchannelLogout: false,
    // Tokens carry the roles that are mapped below, not whatever else a person may do here.
    fullScopeAllowed: false,
    webOrigins: [],
  };
}

const commonAttributes = {
  "oauth2.device.authorization.grant.enabled": "false",
  "oidc.ciba.grant.enabled": "false",
  "standard.token.exchange.enabled": "false",
};

/** What the claims that Nexus and Core read come from. */
export const clientScopes = ["basic", "profile", "email"];

/**
 * A person's groups in userinfo, ID token and access token. With their whole path: by its name alone,
 * a group `admins` that somebody may make below their own would be the administrators' group. Core
 * leaves out the slash of those at the top (core/permission_level.ts).
 */
export const groupsMapper = {
  name: "groups",
  protocol: "openid-connect",
  protocolMapper: "oidc-group-membership-mapper",
  config: {
    "claim.name": "groups",
    "full.path": "true",
    "userinfo.token.claim": "true",
    "id.token.claim": "true",
    "access.token.claim": "true",
    "introspection.token.claim": "true",
  },
};
