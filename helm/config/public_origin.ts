import type { MasterConfig } from "./master_config.ts";

/** Where browsers find the platform, e.g. `https://hive.example.org` or `http://localhost:8000`. */
export function publicOrigin({ system, apps }: MasterConfig): string {
  if (system.public_url !== undefined) return new URL(system.public_url).origin;
  const nexus = apps["nexus"];
  const scheme = nexus?.tls === true ? "https" : "http";
  const host = system.hostname.includes(":") ? `[${system.hostname}]` : system.hostname;
  // URL leaves out the port that the scheme implies, as a browser's Origin header does.
  return new URL(`${scheme}://${host}:${nexus?.port}`).origin;
}

/** Where services find one another; written as a number, for nobody can squat 127.0.0.1 by name. */
export function backendUrl({ apps }: MasterConfig, app: string): string {
  return `http://127.0.0.1:${apps[app]?.port}`;
}
