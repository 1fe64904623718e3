import { createHash } from "node:crypto";
import type { ServiceDefinition } from "./service_definition.ts";

/**
 * Says whether two starts of a service would be told the same: its environment and its folder. Not
 * its command, which changes with Helm's own version.
 */
export function settingsFingerprint({ env, folder }: ServiceDefinition): string {
  const entries = Object.entries(env).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([folder, entries]))
    .digest("hex");
}
