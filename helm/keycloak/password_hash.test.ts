import assert from "node:assert/strict";
import { test } from "node:test";
import { hashPassword, isOutdated, verifyPassword } from "./password_hash.ts";

test("a password is verified against its own hash and no other password is", async () => {
  const hash = await hashPassword("correct horse");
  assert.equal(await verifyPassword("correct horse", hash), true);
  assert.equal(await verifyPassword("correct Horse", hash), false);
  assert.equal(await verifyPassword("", hash), false);
});

test("a hash carries PBKDF2's iterations and a salt of its own", async () => {
  const hash = await hashPassword("same");
  assert.match(hash, /^\$pbkdf2-sha512\$i=210000\$[\w+/]{22}\$[\w+/]{86}$/);
  assert.notEqual(hash, await hashPassword("same"));
  assert.equal(isOutdated(hash), false);
});

test("what is hashed is what PBKDF2-HMAC-SHA512 makes of it elsewhere", async () => {
  // Python: hashlib.pbkdf2_hmac("sha512", b"pleaseletmein", b"SodiumChloride", 1000)
  const key =
    "X36Uk2WoGOxSWYdtDOSIt0SoOFT8UYjOgmGXvj9CUVGp1u6fmamim8IMMS1vJV/WgznGB9TPdUP8rUxPih/BOg";
  const salt = Buffer.from("SodiumChloride").toString("base64").replace(/=+$/, "");
  const hash = `$pbkdf2-sha512$i=1000$${salt}$${key}`;
  assert.equal(await verifyPassword("pleaseletmein", hash), true);
  assert.equal(await verifyPassword("pleaseletmeout", hash), false);
  assert.equal(isOutdated(hash), true);
});

test("a hash of scrypt, which earlier versions made, is verified with its own parameters", async () => {
  // Test vector of RFC 7914 §12: P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1.
  const key = Buffer.from(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
    "hex",
  );
  const salt = Buffer.from("SodiumChloride").toString("base64").replace(/=+$/, "");
  const hash = `$scrypt$ln=14,r=8,p=1$${salt}$${key.toString("base64").replace(/=+$/, "")}`;
  assert.equal(await verifyPassword("pleaseletmein", hash), true);
  assert.equal(await verifyPassword("pleaseletmeout", hash), false);
  assert.equal(isOutdated(hash), true);
});

test("a password typed with composed or decomposed letters is the same password", async () => {
  const hash = await hashPassword("gr\u00fc\u00df Gott");
  assert.equal(await verifyPassword("gru\u0308\u00df Gott", hash), true);
});

test("a stored value that is no hash is an error, never a match", async () => {
  const wrong = [
    "secret",
    "",
    "$pbkdf2-sha512$i=0$YQ$YQ",
    "$scrypt$i=1000$YQ$YQ",
    "$md5$i=1$YQ$YQ",
  ];
  for (const hash of [...wrong, "$pbkdf2-sha512$ln=1,r=1,p=1$YQ$YQ"]) {
    await assert.rejects(verifyPassword("secret", hash), /no format that is known/, hash);
  }
});
