import assert from "node:assert/strict";
import test from "node:test";
import { makeCheckout, makeConfig } from "../testing.ts";
import { completeMasterConfig } from "./complete_config.ts";
import { getValue, unsetValue } from "./config_values.ts";
import { loadMasterConfig, saveMasterConfig } from "./master_config.ts";

test("a configuration of an older Helm gets the secret that it lacks, once", async (t) => {
  const checkout = await makeCheckout(t);
  const key = "keycloak.admin_client_secret";
  await saveMasterConfig(checkout, unsetValue(makeConfig(), key));
  assert.deepEqual(await completeMasterConfig(checkout), [key]);
  const made = await loadMasterConfig(checkout);
  assert.match(String(getValue(made, key)), /^[\w-]{43}$/);
  assert.deepEqual(await completeMasterConfig(checkout), []);
  assert.deepEqual(await loadMasterConfig(checkout), made);
});
