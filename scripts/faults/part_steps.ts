// How each part of a platform is restarted and killed.
import { availableParallelism } from "node:os";
import { waitFor } from "@hivematrix/lib/wait_for";
import type { Platform } from "../platform_testing.ts";

export interface PartStep {
  readonly name: string;
  /** Nexus itself is away for a moment: connections may be refused or cut. */
  readonly closesNexus: boolean;
  act(platform: Platform): Promise<void>;
}

export const parts = ["core", "nexus", "keycloak", "helm"] as const;

export type Part = (typeof parts)[number];

/** With one core Nexus is one process, which cannot replace itself. */
const isNexusOneProcess = availableParallelism() === 1;

/** `helm restart <part>` */
export function restartOf(part: Part): PartStep {
  return {
    name: `restart ${part}`,
    closesNexus: part === "nexus" && isNexusOneProcess,
    async act(platform) {
      const before = await pidOf(platform, part);
      const { status, output } = await platform.helm("restart", part);
      if (status !== 0) throw new Error(output);
      const isOther = (await pidOf(platform, part)) !== before;
      const hasReplaced = part === "nexus" && output.includes("those that serve are new");
      if (!isOther && !hasReplaced) throw new Error(`${part} was not restarted: ${output}`);
    },
  };
}

/** kill -9; Helm brings it back, and `helm up` Helm. */
export function killOf(part: Part): PartStep {
  return {
    name: `kill ${part}`,
    closesNexus: part === "nexus",
    async act(platform) {
      const before = await pidOf(platform, part);
      process.kill(before, "SIGKILL");
      if (part === "helm") {
        const { status, output } = await platform.helm("up", "--detach");
        if (status !== 0) throw new Error(output);
      }
      const isBack = async () => {
        const line = (await platform.status()).get(part);
        return line?.state === "ready" && line.pid !== before;
      };
      await waitFor(isBack, { timeoutMs: 60_000, what: `${part} to be back` });
    },
  };
}

async function pidOf(platform: Platform, part: Part): Promise<number> {
  const { pid } = (await platform.status()).get(part) ?? {};
  if (pid === undefined) throw new Error(`${part} does not run`);
  return pid;
}
