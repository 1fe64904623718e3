import { keycloakServerSkip } from "../keycloak/server_testing.ts";
import { shareKeycloakServer } from "../keycloak/shared_server_testing.ts";
import { startEmbeddedProvider } from "../keycloak/testing.ts";
import { testPeople } from "./people_testing.ts";

testPeople("the embedded provider", (scope) => startEmbeddedProvider(scope));
testPeople("a real Keycloak", (scope) => shareKeycloakServer(scope), {
  skip: keycloakServerSkip(),
});
