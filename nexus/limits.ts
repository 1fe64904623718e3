// What one client may take of Nexus. Each limit is a setting (`apps.nexus.limits.<name>`), with a
// default that a busy office behind one address never meets.
import { limitSettings, readLimits } from "@hivematrix/lib/limit_settings";

export interface NexusLimits {
  /** Of a request's head, the address included; beyond it 431. */
  readonly header_bytes: number;
  /** Headers of one request; beyond it 431. */
  readonly header_count: number;
  /** Of an address, path and query; beyond it 414. */
  readonly address_bytes: number;
  /** For a request's head to arrive, and for the TLS handshake; then 408. */
  readonly header_seconds: number;
  /** In which nothing of a request's body arrives; then 408. */
  readonly body_idle_seconds: number;
  /** In which nothing is asked on an open connection; then it is closed. */
  readonly keep_alive_seconds: number;
  /** Open at the same time; another one is closed at once. */
  readonly connections_per_address: number;
  /** To the sign-in's own addresses, for each client address; beyond it 429. */
  readonly sign_in_requests_per_minute: number;
}

export const defaultLimits: NexusLimits = {
  // Sign-in attempts carry the addresses they lead back to, and several tabs have several.
  header_bytes: 64 * 1024,
  header_count: 200,
  address_bytes: 16 * 1024,
  header_seconds: 20,
  body_idle_seconds: 60,
  keep_alive_seconds: 60,
  // 500 browsers that each have six.
  connections_per_address: 3000,
  // A sign-in takes about six: 500 people in the first minute of a working day.
  sign_in_requests_per_minute: 3000,
};

export const nexusLimitSettings = limitSettings(defaultLimits);

/** @throws {SettingsError} for a limit that is no whole number above 0 */
export function readNexusLimits(found: Readonly<Record<string, string | undefined>>): NexusLimits {
  return readLimits("nexus", defaultLimits, found);
}

/** The share of one of several processes, among which a client's connections are spread. */
export function shareLimits(limits: NexusLimits, processes: number): NexusLimits {
  const share = (whole: number) => Math.ceil(whole / processes);
  return {
    ...limits,
    connections_per_address: share(limits.connections_per_address),
    sign_in_requests_per_minute: share(limits.sign_in_requests_per_minute),
  };
}
