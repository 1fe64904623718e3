import assert from "node:assert/strict";
import test from "node:test";
import { deriveAppSecret, hashServiceSecret, newSecret } from "./secrets.ts";

test("secrets have 256 random bits", () => {
  assert.equal(Buffer.from(newSecret(), "base64url").length, 32);
  assert.equal(new Set(Array.from({ length: 100 }, newSecret)).size, 100);
});

test("each app's key is its own, and the same every time", () => {
  const master = newSecret();
  assert.equal(deriveAppSecret(master, "core"), deriveAppSecret(master, "core"));
  assert.notEqual(deriveAppSecret(master, "core"), deriveAppSecret(master, "nexus"));
  assert.notEqual(deriveAppSecret(master, "core"), deriveAppSecret(newSecret(), "core"));
});

test("a service secret is kept as its SHA-256", () => {
  // printf abc | sha256sum
  const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(hashServiceSecret("abc"), `sha256:${digest}`);
});
