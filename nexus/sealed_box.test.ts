import assert from "node:assert/strict";
import { test } from "node:test";
import { createSealedBox } from "./sealed_box.ts";

const box = createSealedBox("a-secret-key");

test("R5: what is sealed shows nothing of itself and opens again, after a restart too", () => {
  const text = "eyJhbGciOiJSUzI1NiJ9.é.signature";
  const sealed = box.seal(text, "session");
  assert.match(sealed, /^[\w-]+$/);
  assert.ok(!Buffer.from(sealed, "base64url").toString("latin1").includes("eyJ"));
  assert.equal(box.open(sealed, "session"), text);
  assert.equal(createSealedBox("a-secret-key").open(sealed, "session"), text);
});

test("the same text never looks the same twice", () => {
  const seals = new Set(Array.from({ length: 50 }, () => box.seal("text", "session").slice(0, 16)));
  assert.equal(seals.size, 50);
});

test("another key or another purpose opens nothing", () => {
  const sealed = box.seal("text", "session");
  assert.equal(createSealedBox("another-key").open(sealed, "session"), undefined);
  assert.equal(box.open(sealed, "login"), undefined);
});

test("each changed, missing or added byte is noticed", () => {
  const bytes = Buffer.from(box.seal("text", "session"), "base64url");
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
    assert.equal(box.open(changed.toString("base64url"), "session"), undefined, `byte ${i}`);
    const shorter = bytes.subarray(0, i).toString("base64url");
    assert.equal(box.open(shorter, "session"), undefined, `${i} bytes`);
  }
  const longer = Buffer.concat([bytes, Buffer.of(0)]).toString("base64url");
  assert.equal(box.open(longer, "session"), undefined);
  for (const garbage of ["", "x", "%%%", "é".repeat(99)]) {
    assert.equal(box.open(garbage, "session"), undefined);
  }
});
