import { startEmbeddedProvider } from "../helm/keycloak/testing.ts";
import { testSignIn } from "./sign_in_set_testing.ts";

testSignIn("the sign-in with the embedded provider", (scope, publicOrigin, coreUrl) =>
  startEmbeddedProvider(scope, { publicOrigin, coreUrl, users: [] }),
);
