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
  const { admin_only, billing_or_admin_only, allowed_levels } = entry;
  return (
    (admin_only ? findMissing("admin_only", adminsOnly, level) : undefined) ??
    (billing_or_admin_only
      ? findMissing("billing_or_admin_only", billingOrAdmins, level)
      : undefined) ??
    (allowed_levels === undefined
      ? undefined
      : findMissing("allowed_levels", allowed_levels, level))
  );
}

const adminsOnly: readonly PermissionLevel[] = ["admin"];
const billingOrAdmins: readonly PermissionLevel[] = ["admin", "billing"];

function findMissing(
  rule: string,
  neededLevels: readonly PermissionLevel[],
  level: PermissionLevel,
): Denial | undefined {
  return neededLevels.includes(level) ? undefined : { rule, neededLevels };
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
