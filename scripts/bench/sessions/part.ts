import { startTestPostgres, type TestScope } from "@hivematrix/lib/testing";
import type { TestProvider } from "../../../core/testing_provider.ts";
import type { Figure } from "./figures.ts";
import type { Sizes, StoreName } from "./sizes.ts";

/** What a part of the benchmark works with. */
export interface Bench {
  /** What the part has started ends with it. */
  readonly scope: TestScope;
  readonly sizes: Sizes;
  readonly provider: TestProvider;
}

export type Part = (bench: Bench) => Promise<Figure[]>;

/** A new database, for a Core of its own. @returns its connection string; none for memory */
export async function openStore(scope: TestScope, store: StoreName): Promise<string | undefined> {
  return store === "memory" ? undefined : (await startTestPostgres(scope)).url;
}
