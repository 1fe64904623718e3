// Makes Keycloak's realm what the platform needs, at every start: what differs is mended and named,
// what an administrator has added is left alone, and no password is ever touched.
import type { AdminPlace } from "./admin_client.ts";
import { AdminRequests } from "./admin_requests.ts";
import { IdentityError } from "./identity_error.ts";
import { findClient, mendRepresentation, setUpClient } from "./realm_client.ts";
import type { Fields } from "./realm_diff.ts";
import { setUpFirstUser, setUpGroups } from "./realm_people.ts";
import { newUserProfile } from "./realm_profile.ts";
import {
  clientScopes,
  coreClientFields,
  coreRoles,
  groupsMapper,
  helmClientFields,
  helmRoles,
  passwordPolicy,
  type RealmWish,
  realmFields,
  storedEvents,
} from "./realm_wish.ts";

/** For one question. On a busy machine a new realm takes a Keycloak that has only just started long. */
const timeoutMs = 60_000;

/**
 * Sets the realm up, or right again.
 *
 * @returns what was mended, in words for the log: nothing when all was right
 * @throws {IdentityError} for what the provider refuses, naming the role that is missing
 */
export async function setUpRealm(place: AdminPlace, wanted: RealmWish): Promise<string[]> {
  const admin = new AdminRequests(place, timeoutMs);
  try {
    return [
      ...(await setUpRealmItself(admin, place.realm, wanted)),
      ...(await setUpGroups(admin)),
      ...(await setUpCoreClient(admin, wanted)),
      ...(await setUpHelmClient(admin, place, wanted)),
      ...(wanted.isShared ? [] : await closeAdminCli(admin)),
      ...(await setUpFirstUser(admin, wanted.firstUser)),
      ...(wanted.isShared ? [] : await requirePolicy(admin, place.realm)),
    ];
  } finally {
    admin.close();
  }
}

async function setUpRealmItself(
  admin: AdminRequests,
  realm: string,
  wanted: RealmWish,
): Promise<string[]> {
  const fields = realmFields(wanted);
  const found = await findRealm(admin);
  if (found === undefined) {
    await admin.createRealm({ ...fields, enabledEventTypes: storedEvents, ...newUserProfile });
    return [`realm "${realm}" is new`];
  }
  const events = new Set([...((found["enabledEventTypes"] ?? []) as string[]), ...storedEvents]);
  // All of it is sent back, not the difference: what a request leaves out of some of its parts
  // (attributes, WebAuthn policies), Keycloak removes or sets back.
  return await mendRepresentation(admin, {
    what: `realm "${realm}"`,
    path: "",
    found,
    wanted: { ...fields, enabledEventTypes: [...events] },
  });
}

/** After the first user: the contract's password for development is shorter than any policy allows. */
async function requirePolicy(admin: AdminRequests, realm: string): Promise<string[]> {
  const found = (await findRealm(admin)) ?? {};
  if (found["passwordPolicy"]) return [];
  const what = `realm "${realm}"`;
  return await mendRepresentation(admin, { what, path: "", found, wanted: { passwordPolicy } });
}

async function findRealm(admin: AdminRequests): Promise<Fields | undefined> {
  try {
    return (await admin.ask("read the realm", "GET", "")).body as Fields;
  } catch (error) {
    if (error instanceof IdentityError && error.status === 404) return undefined;
    throw error;
  }
}

async function setUpCoreClient(admin: AdminRequests, wanted: RealmWish): Promise<string[]> {
  return await setUpClient(admin, coreClientFields(wanted), {
    scopes: clientScopes,
    mappers: [groupsMapper],
    roles: coreRoles,
  });
}

async function setUpHelmClient(
  admin: AdminRequests,
  { realm, tokenRealm = realm, clientId }: AdminPlace,
  wanted: RealmWish,
): Promise<string[]> {
  // The one that speaks here. Who gave it its roles decides about them, and taking any away would
  // be the last thing it does.
  if (tokenRealm === realm && clientId === wanted.helmClient.id) return [];
  return await setUpClient(admin, helmClientFields(wanted), {
    scopes: ["basic"],
    roles: helmRoles,
  });
}

/**
 * Keycloak's own client for command lines takes passwords at the token endpoint, from anybody and
 * without the sign-in page, its limits and its second factors.
 */
async function closeAdminCli(admin: AdminRequests): Promise<string[]> {
  const found = await findClient(admin, "admin-cli");
  if (found === undefined) return [];
  return await mendRepresentation(admin, {
    what: 'client "admin-cli"',
    path: `/clients/${found["id"]}`,
    found,
    wanted: { directAccessGrantsEnabled: false },
  });
}
