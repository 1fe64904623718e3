import type { TestScope } from "@hivematrix/lib/testing";

/** A scope that ends when it is told to. */
export interface OwnScope extends TestScope {
  /** Does the clean-ups, the last made first. Told again, it resolves when these are done. */
  end(): Promise<void>;
}

export function createScope(): OwnScope {
  const cleanUps: (() => unknown)[] = [];
  let ending: Promise<void> | undefined;
  const cleanUpAll = async () => {
    for (let cleanUp = cleanUps.pop(); cleanUp !== undefined; cleanUp = cleanUps.pop()) {
      await cleanUp();
    }
  };
  return {
    after: (cleanUp) => cleanUps.push(cleanUp),
    end() {
      ending ??= cleanUpAll();
      return ending;
    },
  };
}

/** Ends what `act` starts as soon as that is over, and with the outer scope at the latest. */
export async function withScope<T>(
  outer: TestScope,
  act: (scope: TestScope) => Promise<T>,
): Promise<T> {
  const scope = createScope();
  outer.after(() => scope.end());
  try {
    return await act(scope);
  } finally {
    await scope.end();
  }
}
