import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { setValue, unsetValue } from "../../config/config_values.ts";
import { saveMasterConfig } from "../../config/master_config.ts";
import { makeCheckout, makeConfig } from "../../testing.ts";
import type { AdminPlace } from "../admin_client.ts";
import { AdminRequests } from "../admin_requests.ts";
import { findClient } from "../realm_client.ts";
import type { Fields } from "../realm_diff.ts";
import { keycloakServerSkip } from "../server_testing.ts";
import { type SharedKeycloak, shareKeycloakServer } from "../shared_server_testing.ts";
import { formerAdminClients, renewAdminClient } from "./admin_credential.ts";

const skip = keycloakServerSkip();
let server: SharedKeycloak;
if (skip === false) server = await shareKeycloakServer({ after });

const never = () => assert.fail("the server knows the credential already");

test("a changed credential, and a changed name, is given to the server with a former one", {
  skip,
}, async (t) => {
  const first = {
    id: `helm-${randomBytes(4).toString("hex")}`,
    secret: "the-first-of-its-secrets",
  };
  await makeMasterClient(first);
  const at = (id: string, secret: string): AdminPlace => ({
    ...server.adminPlace,
    clientId: id,
    clientSecret: secret,
    tokenRealm: "master",
  });
  assert.deepEqual(await renewAdminClient(at(first.id, first.secret), never as never), []);
  const second = at(first.id, "the-second-of-its-secrets");
  const former = async () => [{ id: first.id, secret: "one-that-never-counted" }, first];
  const mended = await renewAdminClient(second, former);
  assert.deepEqual(mended, [`client "${first.id}" has the credential of the settings`]);
  assert.deepEqual(await renewAdminClient(second, never as never), []);
  const refused = /refuses the client "helm-\w+" in realm master/;
  await assert.rejects(
    renewAdminClient(at(first.id, first.secret), async () => []),
    refused,
  );

  const renamed = at(`${first.id}-renamed`, "the-third-of-its-secrets");
  await renewAdminClient(renamed, async () => [
    { id: first.id, secret: "the-second-of-its-secrets" },
  ]);
  const admin = new AdminRequests(renamed);
  t.after(() => admin.close());
  await admin.ask("administer", "GET", "/users");
});

test("what Helm was before is known from the history of the settings, the newest first", async (t) => {
  const checkout = await makeCheckout(t);
  const key = "keycloak.admin_client_secret";
  const config = unsetValue(makeConfig(), key);
  await saveMasterConfig(checkout, config);
  const secrets = ["the-first-of-its-secrets", "the-second-of-its-secrets"];
  for (const secret of secrets) await saveMasterConfig(checkout, setValue(config, key, secret));
  const named = setValue(config, "keycloak.admin_client_id", "hive-helm");
  await saveMasterConfig(checkout, setValue(named, key, secrets[0]));
  assert.deepEqual(await formerAdminClients(checkout), [
    { id: "hive-helm", secret: secrets[0] },
    { id: "helm", secret: secrets[1] },
    { id: "helm", secret: secrets[0] },
  ]);
});

/** With all that the one has that Keycloak makes for Helm at its first start. */
async function makeMasterClient({ id, secret }: { id: string; secret: string }): Promise<void> {
  const admin = new AdminRequests({ ...server.adminPlace, realm: "master" });
  try {
    const client = { clientId: id, secret, serviceAccountsEnabled: true, fullScopeAllowed: true };
    await admin.ask("make a client", "POST", "/clients", client);
    const found = (await findClient(admin, id)) as Fields;
    const { body: account } = await admin.ask(
      "find its account",
      "GET",
      `/clients/${found["id"]}/service-account-user`,
    );
    const { body: role } = await admin.ask("find the role", "GET", "/roles/admin");
    const path = `/users/${(account as Fields)["id"]}/role-mappings/realm`;
    await admin.ask("give the role", "POST", path, [role as object]);
  } finally {
    admin.close();
  }
}
