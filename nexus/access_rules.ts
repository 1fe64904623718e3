import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import type { PermissionLevel } from "@hivematrix/lib/token_verifier";

/** A rule of services.json that keeps somebody out, in words for the denial page. */
export interface Denial {
  readonly rule: string;
  readonly neededLevels: readonly PermissionLevel[];
}

/** What Core's own address and the identity provider's would be: never served by prefix. */
export const reservedNames: ReadonlySet<string> = new Set([
  "api",
  "core",
  "health",
  "keycloak",
  "keycloak-callback",
  "login",
  "logout",
  "nexus",
  "postgres",
  "sessions",
  "static",
]);

/** @returns why this level may not open the service; every rule that is set has to agree */
export function findDenial(entry: ServiceEntry, level: PermissionLevel): Denial | undefined {
  const rules: [string, readonly PermissionLevel[] | undefined][] = [
    ["admin_only", entry.admin_only ? ["admin"] : undefined],
    ["billing_or_admin_only", entry.billing_or_admin_only ? ["admin", "billing"] : undefined],
    ["allowed_levels", entry.allowed_levels],
  ];
  for (const [rule, neededLevels] of rules) {
    if (neededLevels !== undefined && !neededLevels.includes(level)) return { rule, neededLevels };
  }
  return undefined;
}

/** The services that belong into this person's navigation. */
export function openServices(
  entries: readonly ServiceEntry[],
  level: PermissionLevel,
): ServiceEntry[] {
  return entries.filter(
    (entry) =>
      entry.visible !== false &&
      !reservedNames.has(entry.name) &&
      findDenial(entry, level) === undefined,
  );
}
