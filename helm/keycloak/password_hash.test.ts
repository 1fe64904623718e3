import assert from "node:assert/strict";
import { test } from "node:test";
import { hashPassword, verifyPassword } from "./password_hash.ts";

test("a password is verified against its own hash and no other password is", async () => {
  const hash = await hashPassword("correct horse");
  assert.equal(await verifyPassword("correct horse", hash), true);
  assert.equal(await verifyPassword("correct Horse", hash), false);
  assert.equal(await verifyPassword("", hash), false);
});

test("a hash carries scrypt's parameters and a salt of its own", async () => {
  const hash = await hashPassword("same");
  assert.match(hash, /^\$scrypt\$ln=15,r=8,p=3\$[\w+/]{22}\$[\w+/]{43}$/);
  assert.notEqual(hash, await hashPassword("same"));
});

test("a hash with other parameters is verified with those", async () => {
  // Test vector of RFC 7914 §12: P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1.
  const key = Buffer.from(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
    "hex",
  );
  const salt = Buffer.from("SodiumChloride").toString("base64").replace(/=+$/, "");
  const hash = `$scrypt$ln=14,r=8,p=1$${salt}$${key.toString("base64").replace(/=+$/, "")}`;
  assert.equal(await verifyPassword("pleaseletmein", hash), true);
  assert.equal(await verifyPassword("pleaseletmeout", hash), false);
});

test("a password typed with composed or decomposed letters is the same password", async () => {
  const hash = await hashPassword("gr\u00fc\u00df Gott");
  assert.equal(await verifyPassword("gru\u0308\u00df Gott", hash), true);
});

test("a stored value that is no scrypt hash is an error, never a match", async () => {
  await assert.rejects(verifyPassword("secret", "secret"), /not in scrypt's format/);
});
