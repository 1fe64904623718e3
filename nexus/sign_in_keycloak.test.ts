import { defaultThrottleLimits } from "@hivematrix/lib/password_throttle";
import { keycloakServerSkip, startKeycloakServer } from "../helm/keycloak/server_testing.ts";
import { testSignIn } from "./sign_in_set_testing.ts";

testSignIn(
  "the sign-in with a real Keycloak",
  (scope, publicOrigin, coreUrl) =>
    startKeycloakServer(scope, { publicOrigin, coreUrl, users: [] }),
  {
    skip: keycloakServerSkip(),
    // As Helm sets it up: Nexus counts passwords for Keycloak, and Core asks it about people.
    isSecure: true,
    passwordLimits: defaultThrottleLimits,
    core: { reconcile: { periodMs: 2000 } },
  },
);
