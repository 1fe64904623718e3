// A row of the table `sessions`, as PostgreSQL gives it, and what the store makes of it.
import type { HeldSession, ListedSession, SessionRecord, User } from "./session_store.ts";

export interface SessionRow {
  readonly user_data: User;
  readonly created_at: Date;
  readonly last_seen_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
}

export interface EndedRow extends SessionRow {
  readonly id_hash: Buffer;
  readonly sub: string;
  readonly sid: string | null;
  readonly sealed_refresh_token: string | null;
}

export interface HeldRow {
  readonly id_hash: Buffer;
  readonly sub: string;
  readonly groups: string[];
  readonly created_at: Date;
  readonly sid: string | null;
  readonly provider_until: Date | null;
}

export interface ListedRow extends Omit<SessionRow, "revoked_at"> {
  readonly id_hash: Buffer;
  readonly user_agent: string | null;
  readonly address: string | null;
}

export function toListed(row: ListedRow): ListedSession {
  return {
    hash: row.id_hash.toString("hex"),
    user: row.user_data,
    createdAtSeconds: toSeconds(row.created_at),
    lastSeenAtSeconds: toSeconds(row.last_seen_at),
    expiresAtSeconds: toSeconds(row.expires_at),
    device: { userAgent: row.user_agent ?? undefined, address: row.address ?? undefined },
  };
}

export function toHeld(row: HeldRow): HeldSession {
  return {
    hash: row.id_hash.toString("hex"),
    sub: row.sub,
    groups: row.groups,
    createdAtSeconds: toSeconds(row.created_at),
    provider: {
      sid: row.sid ?? undefined,
      untilSeconds: row.provider_until === null ? undefined : toSeconds(row.provider_until),
    },
  };
}

export function toRecord(row: SessionRow): SessionRecord {
  return {
    createdAtSeconds: toSeconds(row.created_at),
    expiresAtSeconds: toSeconds(row.expires_at),
    lastSeenAtSeconds: toSeconds(row.last_seen_at),
    isRevoked: row.revoked_at !== null,
  };
}

export function toDate(seconds: number): Date {
  return new Date(seconds * 1000);
}

export function toDateOrNull(seconds: number | undefined): Date | null {
  return seconds === undefined ? null : toDate(seconds);
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
