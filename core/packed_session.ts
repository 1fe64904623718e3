import type { PermissionLevel } from "@hivematrix/lib/token_verifier";
import type { Device, ProviderSession, User } from "./session_store.ts";

/** What is known of a session beside its times. */
export interface SessionDetails {
  readonly user: User;
  readonly provider: ProviderSession;
  readonly device: Device;
}

/**
 * A session's details as one text, for a store that holds very many in memory: as objects with
 * texts of their own they take three times as much.
 */
export function packSession({ user, provider, device }: SessionDetails): string {
  const { sub, name, email, preferred_username, permission_level, groups } = user;
  const { sid, refreshToken, untilSeconds } = provider;
  const { userAgent, address } = device;
  return pack([
    ...[sub, name, email, preferred_username, permission_level, groups],
    ...[untilSeconds, sid, refreshToken, userAgent, address],
  ]);
}

export function unpackSession(packed: string): SessionDetails {
  const [sub, name, email, preferred_username, permission_level, groups, until, ...others] =
    JSON.parse(Buffer.from(packed, "latin1").toString()) as Packed;
  const [sid, refreshToken, userAgent, address] = others.map((text) => text ?? undefined);
  return {
    user: { sub, name, email, preferred_username, permission_level, groups },
    provider: { sid, refreshToken, untilSeconds: until ?? undefined },
    device: { userAgent, address },
  };
}

type Packed = [
  ...[sub: string, name: string, email: string, preferred_username: string],
  ...[permission_level: PermissionLevel, groups: string[], untilSeconds: number | null],
  ...(string | null)[],
];

/**
 * Looks for a text that is the whole of some detail, far faster than by unpacking.
 *
 * @returns a question about a packed session: false means no, true that it has to be unpacked
 */
export function seekDetail(text: string): (packed: string) => boolean {
  const sought = pack(text);
  return (packed) => packed.includes(sought);
}

/** Its UTF-8 with a character for each byte: a name in Greek would double the size of all the text. */
function pack(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("latin1");
}
