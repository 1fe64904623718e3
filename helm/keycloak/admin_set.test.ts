import { testIdentityAdmin } from "./admin_set_testing.ts";
import { keycloakServerSkip, startKeycloakServer } from "./server_testing.ts";
import { startEmbeddedProvider } from "./testing.ts";

testIdentityAdmin("the embedded provider", async (scope) => {
  return (await startEmbeddedProvider(scope, { users: [] })).adminPlace;
});

testIdentityAdmin(
  "a real Keycloak",
  async (scope) => (await startKeycloakServer(scope)).adminPlace,
  { skip: keycloakServerSkip() },
);
