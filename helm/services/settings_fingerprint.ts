import { createHash } from "node:crypto";
import type { ServiceDefinition } from "./service_definition.ts";

/**
 * Says whether two starts of a service would be told the same: its environment, its folder and what it
 * reads by itself. Not its command, which changes with Helm's own version.
 */
export function settingsFingerprint({
  env,
  folder,
  settingsDigest,
}: Pick<ServiceDefinition, "env" | "folder" | "settingsDigest">): string {
  const entries = Object.entries(env).sort(([one], [other]) => (one < other ? -1 : 1));
  const own = settingsDigest === undefined ? [] : [settingsDigest];
  return createHash("sha256")
    .update(JSON.stringify([folder, entries, ...own]))
    .digest("hex");
}
