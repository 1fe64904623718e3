import { loadavg } from "node:os";
import { PostgresProcess } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { startTestProvider } from "../../../core/testing_provider.ts";
import { measureCuts } from "./cut.ts";
import { measureFanOut } from "./fan_out.ts";
import type { Figure } from "./figures.ts";
import { measureMemory } from "./memory.ts";
import type { Part } from "./part.ts";
import { withScope } from "./scope.ts";
import type { Sizes } from "./sizes.ts";
import { measureStarts } from "./start.ts";
import { measureValidates } from "./validate.ts";

const parts: Readonly<Record<string, Part>> = {
  validate: measureValidates,
  "fan-out": measureFanOut,
  cut: measureCuts,
  memory: measureMemory,
  start: measureStarts,
};

export const partNames: readonly string[] = Object.keys(parts);

export interface RunOptions {
  readonly names: readonly string[];
  readonly sizes: Sizes;
  /** Called with each part's name, and how it went. */
  readonly report?: (text: string) => void;
}

/** One server for all parts, each of which makes databases of its own. */
export async function sharePostgres(scope: TestScope): Promise<void> {
  const shared = "HIVEMATRIX_TEST_POSTGRES";
  if (process.env[shared] !== undefined) return;
  const server = await PostgresProcess.start();
  scope.after(() => server.stop());
  process.env[shared] = server.url;
}

/** Runs parts, one after the other, each with processes of its own. @throws {Error} for no such part */
export async function runParts(
  scope: TestScope,
  { names, sizes, report = () => {} }: RunOptions,
): Promise<Figure[]> {
  const chosen = names.map((name) => ({ name, measure: findPart(name) }));
  const figures: Figure[] = [];
  for (const { name, measure } of chosen) {
    const startedAt = performance.now();
    figures.push(
      ...(await withScope(scope, async (ofPart) =>
        measure({ scope: ofPart, sizes, provider: await startTestProvider(ofPart) }),
      )),
    );
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    report(`${name}: ${seconds} s, load ${loadavg()[0]?.toFixed(1)}`);
  }
  return figures;
}

function findPart(name: string): Part {
  const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
  if (part !== undefined) return part;
  throw new Error(`Cannot measure "${name}": there is no such part, only ${partNames.join(", ")}`);
}
