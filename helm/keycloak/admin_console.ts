import type { AdminPlace } from "./admin_client.ts";
import { AdminRequests } from "./admin_requests.ts";
import { mendRepresentation } from "./realm_client.ts";
import type { Fields } from "./realm_diff.ts";

/** Of the people of the admin console, and of nobody else. */
const consoleRealm = "master";

/**
 * Keeps Keycloak's admin console, sign-in included, on this machine's own address. Without that it
 * sends its people to the public address to sign in, where Nexus has no such realm
 * (nexus/keycloak_proxy.ts).
 *
 * @param place its back end's address is where the console is: `<backendUrl>/admin/`
 * @returns what was mended, in words for the log
 * @throws {IdentityError}
 */
export async function keepConsoleLocal(place: AdminPlace): Promise<string[]> {
  const admin = new AdminRequests({ ...place, realm: consoleRealm });
  try {
    const what = `realm "${consoleRealm}"`;
    const found = (await admin.ask(`read ${what}`, "GET", "")).body as Fields;
    const wanted = { attributes: { frontendUrl: place.backendUrl } };
    return await mendRepresentation(admin, { what, path: "", found, wanted });
  } finally {
    admin.close();
  }
}
