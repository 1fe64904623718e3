// What makes stored lines tamper-evident (R26): each line's hash is over the hash before it, so a line
// that was changed, removed or put in breaks the chain from there on. The key is not in the database,
// so nobody who has the database alone can mend the chain.
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { StoredLine } from "./stored_line.ts";

/** Of a service that has no lines yet. */
export const chainStart = Buffer.alloc(32);

export class LogChain {
  readonly #key: Buffer;

  /** @param secretKey the master configuration's `system.secret_key` */
  constructor(secretKey: string) {
    this.#key = Buffer.from(
      hkdfSync("sha256", secretKey, "", "helm: chain of stored log lines", 32),
    );
  }

  /** @returns the chain's hash after a line */
  next(before: Buffer, line: StoredLine): Buffer {
    const { atMs, service, level, requestId, traceId, userId, search } = line;
    const fields = [atMs, service, level, requestId, traceId, userId, search, line.line];
    return createHmac("sha256", this.#key).update(before).update(JSON.stringify(fields)).digest();
  }

  /** What shows later that it was Helm that pruned a service's batches up to this one. */
  provePruned(service: string, number: number, hash: Buffer): Buffer {
    const fields = JSON.stringify(["pruned", service, number, hash.toString("hex")]);
    return createHmac("sha256", this.#key).update(fields).digest();
  }

  isPruned(service: string, number: number, hash: Buffer, proof: Buffer): boolean {
    const expected = this.provePruned(service, number, hash);
    return proof.length === expected.length && timingSafeEqual(proof, expected);
  }
}
