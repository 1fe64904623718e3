// What makes stored lines tamper-evident (R26): each line's hash is over the hash before it, so a line
// that was changed, removed or put in breaks the chain from there on. The key is not in the database,
// so nobody who has the database alone can mend the chain.
import { hash, hkdfSync, timingSafeEqual } from "node:crypto";
import type { StoredLine } from "./stored_line.ts";

/** Of a service that has no lines yet. */
export const chainStart = Buffer.alloc(32);

export class LogChain {
  readonly #innerKey: Buffer;
  readonly #outerKey: Buffer;

  /** @param secretKey the master configuration's `system.secret_key` */
  constructor(secretKey: string) {
    const key = Buffer.from(
      hkdfSync("sha256", secretKey, "", "helm: chain of stored log lines", 32),
    );
    const padded = Buffer.concat([key, Buffer.alloc(32)]);
    this.#innerKey = padded.map((byte) => byte ^ 0x36) as Buffer;
    this.#outerKey = padded.map((byte) => byte ^ 0x5c) as Buffer;
  }

  /** @returns the chain's hash after a line */
  next(before: Buffer, line: StoredLine): Buffer {
    const { atMs, service, level, requestId, traceId, userId, search } = line;
    const fields = [atMs, service, level, requestId, traceId, userId, search, line.line];
    return this.#authenticate(Buffer.concat([before, Buffer.from(JSON.stringify(fields))]));
  }

  /** What shows later that it was Helm that pruned a service's batches up to this one. */
  provePruned(service: string, number: number, hash: Buffer): Buffer {
    const fields = JSON.stringify(["pruned", service, number, hash.toString("hex")]);
    return this.#authenticate(Buffer.from(fields));
  }

  isPruned(service: string, number: number, hash: Buffer, proof: Buffer): boolean {
    const expected = this.provePruned(service, number, hash);
    return proof.length === expected.length && timingSafeEqual(proof, expected);
  }

  /** HMAC-SHA-256 (RFC 2104 §2); an object of createHmac for each line takes 2 to 4 µs more. */
  #authenticate(message: Buffer): Buffer {
    const inner = hash("sha256", Buffer.concat([this.#innerKey, message]), "buffer");
    return hash("sha256", Buffer.concat([this.#outerKey, inner]), "buffer");
  }
}
