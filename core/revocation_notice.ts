// What Cores that share one PostgreSQL tell each other by NOTIFY: which sessions have ended, and
// that no gateway of one of them can accept these any more.

/** `<revocation>:<part> <hash> <hash> …`, sent by PostgresSessionStore.end in its transaction. */
export const revocationChannel = "core_revocations";

/** `<revocation>:<part> <instance>`, sent when all feeds of that instance have acknowledged. */
export const acknowledgementChannel = "core_acknowledgements";

/** A payload is shorter than 8000 bytes (PostgreSQL's NOTIFY), a hash and its space are 65. */
export const hashesPerNotice = 100;

export interface RevocationNotice {
  readonly revocation: string;
  /** `<revocation>:<part>`, for the acknowledgement. */
  readonly name: string;
  readonly hashes: readonly string[];
}

export function readRevocationNotice(payload: string): RevocationNotice {
  const [name = "", ...hashes] = payload.split(" ");
  return { revocation: name.split(":", 1)[0] ?? "", name, hashes };
}

/** The names of all notices of a revocation. */
export function listNotices(revocation: string, hashCount: number): string[] {
  const count = Math.ceil(hashCount / hashesPerNotice);
  return Array.from({ length: count }, (_, part) => `${revocation}:${part}`);
}
