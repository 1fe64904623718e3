import type { AdminRequests } from "./admin_requests.ts";
import { describeDifference, type Fields, findDifferences, mend } from "./realm_diff.ts";

/** What a client has beside its own fields. */
export interface ClientParts {
  /** Client scopes whose claims are always in its tokens. */
  readonly scopes: readonly string[];
  readonly mappers?: readonly (Fields & { readonly name: string })[];
  /** Roles of `realm-management` that its service account has. */
  readonly roles: readonly string[];
}

/** Makes a client, or sets it right. @returns what was mended, in words */
export async function setUpClient(
  admin: AdminRequests,
  fields: Fields,
  { scopes, mappers = [], roles }: ClientParts,
): Promise<string[]> {
  const clientId = String(fields["clientId"]);
  const what = `client "${clientId}"`;
  const found = await findClient(admin, clientId);
  if (found === undefined) {
    // No optional scopes: with offline_access a session would never end.
    const created = { ...fields, defaultClientScopes: scopes, optionalClientScopes: [] };
    await admin.ask(`create ${what}`, "POST", "/clients", created);
  }
  const client = found ?? (await requireClient(admin, clientId));
  const path = `/clients/${client["id"]}`;
  const mended = [
    ...(await mendRepresentation(admin, { what, path, found: client, wanted: fields })),
    ...(await mendScopes(admin, { what, path, client, scopes })),
    ...(await mendMappers(admin, { what, path, client, mappers })),
    ...(await mendRoles(admin, { what, path, roles })),
  ];
  return found === undefined ? [`${what} is new`] : mended;
}

export async function findClient(
  admin: AdminRequests,
  clientId: string,
): Promise<Fields | undefined> {
  const path = `/clients?${new URLSearchParams({ clientId })}`;
  const { body } = await admin.ask(`read client "${clientId}"`, "GET", path);
  return (body as Fields[]).find((client) => client["clientId"] === clientId);
}

/** Sends the representation back with what was wrong set right. @returns the differences, in words */
export async function mendRepresentation(
  admin: AdminRequests,
  { what, path, found, wanted }: { what: string; path: string; found: Fields; wanted: Fields },
): Promise<string[]> {
  const differences = findDifferences(found, wanted);
  if (differences.length === 0) return [];
  await admin.ask(`set ${what} right`, "PUT", path, mend(found, wanted));
  return differences.map((difference) => `${what}: ${describeDifference(difference)}`);
}

interface Part {
  readonly what: string;
  /** Of the client. */
  readonly path: string;
}

async function mendScopes(
  admin: AdminRequests,
  { what, path, client, scopes }: Part & { client: Fields; scopes: readonly string[] },
): Promise<string[]> {
  const has = (client["defaultClientScopes"] ?? []) as string[];
  const missing = scopes.filter((scope) => !has.includes(scope));
  if (missing.length === 0) return [];
  const action = `give ${what} its scopes`;
  const known = (await admin.ask(action, "GET", "/client-scopes")).body as Fields[];
  for (const name of missing) {
    const scope = known.find((each) => each["name"] === name);
    if (scope === undefined) throw new Error(missingScope(action, name));
    await admin.ask(action, "PUT", `${path}/default-client-scopes/${scope["id"]}`, {});
  }
  return missing.map((name) => `${what}: scope "${name}" is back`);
}

function missingScope(action: string, name: string): string {
  return `Cannot ${action}: the realm has no client scope "${name}" any more; make it anew in the admin console, as it is in another realm`;
}

async function mendMappers(
  admin: AdminRequests,
  {
    what,
    path,
    client,
    mappers,
  }: Part & { client: Fields } & Required<Pick<ClientParts, "mappers">>,
): Promise<string[]> {
  const has = (client["protocolMappers"] ?? []) as Fields[];
  const mended: string[] = [];
  for (const wanted of mappers) {
    const mapper = `${what}, mapper "${wanted.name}"`;
    const found = has.find((each) => each["name"] === wanted.name);
    const all = `${path}/protocol-mappers/models`;
    if (found === undefined) {
      await admin.ask(`create ${mapper}`, "POST", all, wanted);
      mended.push(`${mapper} is new`);
      continue;
    }
    const place = { what: mapper, path: `${all}/${found["id"]}` };
    mended.push(...(await mendRepresentation(admin, { ...place, found, wanted })));
  }
  return mended;
}

/**
 * The service account has the roles, and the client's tokens may carry them, which is a matter of its
 * own as long as it has not the full scope.
 */
async function mendRoles(
  admin: AdminRequests,
  { what, path, roles }: Part & Pick<ClientParts, "roles">,
): Promise<string[]> {
  const action = `give the service account of ${what} its roles`;
  const management = await requireClient(admin, "realm-management");
  const account = (await admin.ask(action, "GET", `${path}/service-account-user`)).body as Fields;
  const mended = [];
  for (const place of [`/users/${account["id"]}/role-mappings`, `${path}/scope-mappings`]) {
    const there = `${place}/clients/${management["id"]}`;
    const has = ((await admin.ask(action, "GET", there)).body as Fields[]).map(nameOf);
    const missing = roles.filter((role) => !has.includes(role));
    if (missing.length === 0) continue;
    const known = await readRoles(admin, action, management);
    const given = known.filter((role) => missing.includes(nameOf(role)));
    await admin.ask(action, "POST", there, given);
    const whose = place === `${path}/scope-mappings` ? "tokens may carry" : "service account has";
    mended.push(`${what}: its ${whose} ${missing.join(", ")} again`);
  }
  return mended;
}

async function readRoles(
  admin: AdminRequests,
  action: string,
  management: Fields,
): Promise<Fields[]> {
  return (await admin.ask(action, "GET", `/clients/${management["id"]}/roles`)).body as Fields[];
}

async function requireClient(admin: AdminRequests, clientId: string): Promise<Fields> {
  const client = await findClient(admin, clientId);
  if (client !== undefined) return client;
  throw new Error(`Cannot set up the realm: it has no client "${clientId}"`);
}

function nameOf(role: Fields): string {
  return String(role["name"]);
}
