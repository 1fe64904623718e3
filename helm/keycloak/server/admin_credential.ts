// Helm's own client at a Keycloak that it runs. The server learns its credential at its very first
// start alone; when the settings name another one, only the former can tell it so.
import type { Checkout } from "../../config/checkout.ts";
import { listSnapshots } from "../../config/config_history.ts";
import { getValue } from "../../config/config_values.ts";
import type { AdminClient } from "../../config/identity_settings.ts";
import type { AdminPlace } from "../admin_client.ts";
import { AdminRequests } from "../admin_requests.ts";
import { IdentityError } from "../identity_error.ts";
import { findClient } from "../realm_client.ts";

const action = "take up Helm's new credential";

/**
 * Gives Helm's clients, of the master realm and of the platform's, the credential of `place`, unless
 * the server knows it already.
 *
 * @param place in the master realm
 * @param readFormer what Helm was there before, the newest first
 * @returns what was mended, in words for the log
 * @throws {IdentityError} when the server knows none of them
 */
export async function renewAdminClient(
  place: AdminPlace,
  readFormer: () => Promise<readonly AdminClient[]>,
): Promise<string[]> {
  const refusal = await findRefusal(place);
  if (refusal === undefined) return [];
  for (const { id, secret } of await readFormer()) {
    const former = { ...place, clientId: id, clientSecret: secret };
    if ((await findRefusal(former)) !== undefined) continue;
    // The one that speaks here is the last: with the first, it has no say any more.
    for (const realm of [place.realm, "master"]) await giveCredential({ ...former, realm }, place);
    return [`client "${place.clientId}" has the credential of the settings`];
  }
  throw refusal;
}

async function findRefusal(place: AdminPlace): Promise<IdentityError | undefined> {
  const admin = new AdminRequests({ ...place, realm: "master" });
  try {
    await findClient(admin, place.clientId);
    return undefined;
  } catch (error) {
    const isRefused = error instanceof IdentityError && [400, 401].includes(error.status ?? 0);
    if (isRefused) return error;
    throw error;
  } finally {
    admin.close();
  }
}

async function giveCredential(
  place: AdminPlace,
  { clientId, clientSecret: secret }: AdminPlace,
): Promise<void> {
  const admin = new AdminRequests(place);
  try {
    const found = await findClient(admin, place.clientId);
    if (found === undefined) return; // realm_setup.ts makes it.
    await admin.ask(action, "PUT", `/clients/${found["id"]}`, { ...found, clientId, secret });
  } finally {
    admin.close();
  }
}

/** What Helm was at the server by the former settings, the newest first. */
export async function formerAdminClients(checkout: Checkout): Promise<AdminClient[]> {
  const former = new Map<string, AdminClient>();
  for (const { config } of (await listSnapshots(checkout)).reverse()) {
    const id = String(getValue(config, "keycloak.admin_client_id") ?? "helm");
    const secret = getValue(config, "keycloak.admin_client_secret");
    if (typeof secret === "string") former.set(JSON.stringify([id, secret]), { id, secret });
  }
  return [...former.values()];
}
