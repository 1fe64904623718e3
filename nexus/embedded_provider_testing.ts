// For tests: a gateway before the provider that an installation has unless it is told otherwise.
import type { TestScope } from "@hivematrix/lib/testing";
import {
  startEmbeddedProvider,
  type TestProvider,
  type TestProviderOptions,
} from "../helm/keycloak/testing.ts";
import { startNexus, type TestNexus, type TestNexusOptions } from "./testing.ts";

/** The person of helm/keycloak/testing.ts. */
export const adasPassword = { username: "ada", password: "ada-secret" };

export async function startWithEmbeddedProvider(
  scope: TestScope,
  options: TestNexusOptions & Pick<TestProviderOptions, "users" | "throttle"> = {},
): Promise<{ nexus: TestNexus; provider: TestProvider }> {
  const { users, throttle, ...others } = options;
  const providers: TestProvider[] = [];
  const nexus = await startNexus(scope, {
    ...others,
    async startProvider(publicOrigin) {
      const started = await startEmbeddedProvider(scope, {
        publicOrigin,
        ...(users && { users }),
        ...(throttle && { throttle }),
      });
      providers.push(started);
      return started;
    },
  });
  const [provider] = providers;
  if (provider === undefined) throw new Error("The provider was not started");
  return { nexus, provider };
}
