// For tests: what holds for every sign-in, whichever the identity provider is. One set, which each
// provider passes.
import { after, before, describe } from "node:test";
import { testProviderFaults } from "./provider_fault_set_testing.ts";
import { testSessionEnds } from "./session_end_set_testing.ts";
import { testSignInPages } from "./sign_in_page_set_testing.ts";
import { testSignInRules } from "./sign_in_rule_set_testing.ts";
import { type SignIn, type StartProvider, startSignIn } from "./sign_in_testing.ts";
import type { TestNexusOptions } from "./testing.ts";

export interface SignInSetOptions extends TestNexusOptions {
  /** Why the provider cannot be had here. */
  readonly skip?: string | false;
  /** Registers tests of this provider alone. */
  readonly more?: (signIn: () => SignIn) => void;
  /** Registers those that come after the provider was away and is back. */
  readonly afterwards?: (signIn: () => SignIn) => void;
}

/** Registers the set; one provider serves all of it. */
export function testSignIn(
  name: string,
  startProvider: StartProvider,
  { skip = false, more, afterwards, ...options }: SignInSetOptions = {},
): void {
  describe(name, { skip }, () => {
    let started: SignIn | undefined;
    const cleanUps: (() => unknown)[] = [];
    const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };
    before(async () => {
      started = await startSignIn(scope, startProvider, options);
    });
    after(async () => {
      for (const cleanUp of cleanUps) await cleanUp();
    });
    const signIn = () => {
      if (started === undefined) throw new Error("The provider did not start");
      return started;
    };
    testSignInPages(signIn);
    testSignInRules(signIn);
    testSessionEnds(signIn);
    more?.(signIn);
    testProviderFaults(signIn);
    afterwards?.(signIn);
  });
}
