import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import test from "node:test";
import { chainStart, LogChain } from "./log_chain.ts";
import type { StoredLine } from "./stored_line.ts";

const line: StoredLine = {
  atMs: 1,
  service: "core",
  level: 20,
  requestId: null,
  traceId: null,
  userId: null,
  search: "é",
  line: '{"message":"é"}',
};

test("the chain is HMAC-SHA-256 under a key derived from the secret", () => {
  const key = Buffer.from(hkdfSync("sha256", "secret", "", "helm: chain of stored log lines", 32));
  const fields = JSON.stringify([1, "core", 20, null, null, null, "é", '{"message":"é"}']);
  const expected = createHmac("sha256", key).update(chainStart).update(fields).digest();
  assert.deepEqual(new LogChain("secret").next(chainStart, line), expected);
});

test("another secret, another line or another line before makes another hash", () => {
  const hash = (secret: string, before: Buffer, changed: Partial<StoredLine>) =>
    new LogChain(secret).next(before, { ...line, ...changed }).toString("hex");
  const hashes = [
    hash("secret", chainStart, {}),
    hash("another", chainStart, {}),
    hash("secret", Buffer.alloc(32, 1), {}),
    ...Object.keys(line).map((name) =>
      hash("secret", chainStart, { [name]: name === "atMs" || name === "level" ? 7 : "7" }),
    ),
  ];
  assert.equal(new Set(hashes).size, hashes.length);
});

test("only whoever has the secret can say what was pruned", () => {
  const chain = new LogChain("secret");
  const proof = chain.provePruned("core", 3, chainStart);
  assert.equal(chain.isPruned("core", 3, chainStart, proof), true);
  assert.equal(chain.isPruned("core", 4, chainStart, proof), false);
  assert.equal(chain.isPruned("nexus", 3, chainStart, proof), false);
  assert.equal(new LogChain("another").isPruned("core", 3, chainStart, proof), false);
  assert.equal(chain.isPruned("core", 3, chainStart, Buffer.alloc(0)), false);
});
