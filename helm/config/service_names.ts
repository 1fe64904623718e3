import type { MasterConfig } from "./master_config.ts";

/** Whose logs there are: every app, and PostgreSQL where it is the embedded one. */
export function serviceNames({
  apps,
  databases,
}: Pick<MasterConfig, "apps" | "databases">): string[] {
  const postgres = databases.postgresql.mode === "embedded" ? ["postgres"] : [];
  return [...postgres, ...Object.keys(apps)];
}
