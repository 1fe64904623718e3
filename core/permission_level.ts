import { isDeepStrictEqual } from "node:util";
import type { PermissionLevel } from "@hivematrix/lib/token_verifier";

/** Which group gives which level (contract §3), the strongest first. */
const levelsOfGroups: readonly (readonly [group: string, level: PermissionLevel])[] = [
  ["admins", "admin"],
  ["technicians", "technician"],
  ["billing", "billing"],
];

/** The strongest level that one of the groups gives; "client" for a person in none of them. */
export function readPermissionLevel(groups: readonly string[]): PermissionLevel {
  const names = groups.map(readGroupName);
  return levelsOfGroups.find(([group]) => names.includes(group))?.[1] ?? "client";
}

/**
 * A group's name as the platform writes it: a top-level group without the slash that Keycloak's
 * full path puts before it. A nested group keeps its whole path, so whoever may make subgroups of
 * `/x` cannot make an administrator by calling one `admins`.
 */
export function readGroupName(group: string): string {
  return /^\/([^/]+)$/.exec(group)?.[1] ?? group;
}

/** Whether two lists name the same groups, in whichever order. */
export function areSameGroups(one: readonly string[], other: readonly string[]): boolean {
  return isDeepStrictEqual(new Set(one), new Set(other));
}
