import { testIdentityAdmin } from "./admin_set_testing.ts";
import { keycloakServerSkip } from "./server_testing.ts";
import { shareKeycloakServer } from "./shared_server_testing.ts";
import { startEmbeddedProvider } from "./testing.ts";

testIdentityAdmin("the embedded provider", async (scope) => {
  return (await startEmbeddedProvider(scope, { users: [] })).adminPlace;
});

testIdentityAdmin(
  "a real Keycloak",
  async (scope) => {
    // As the dashboard and the command line do: by the client in the realm, with its few roles.
    const { tokenRealm: _, ...place } = (await shareKeycloakServer(scope)).adminPlace;
    return place;
  },
  { skip: keycloakServerSkip() },
);
