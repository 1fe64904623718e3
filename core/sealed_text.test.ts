import assert from "node:assert/strict";
import { test } from "node:test";
import { createSealer } from "./sealed_text.ts";

const sealer = createSealer("a secret key", "test");

test("a sealed text opens again where it was sealed", () => {
  for (const text of ["", "refresh-token", "ä\u0000🐝", "x".repeat(10_000)]) {
    assert.equal(sealer.open(sealer.seal(text, "here"), "here"), text);
  }
});

test("a sealed text shows nothing of itself and is another each time", () => {
  const sealed = sealer.seal("refresh-token", "here");
  assert.ok(!Buffer.from(sealed, "base64url").includes("refresh"));
  assert.notEqual(sealer.seal("refresh-token", "here"), sealed);
});

test("a sealed text does not open elsewhere, with another key or for another purpose", () => {
  const sealed = sealer.seal("refresh-token", "here");
  assert.equal(sealer.open(sealed, "there"), undefined);
  assert.equal(createSealer("another key", "test").open(sealed, "here"), undefined);
  assert.equal(createSealer("a secret key", "other").open(sealed, "here"), undefined);
});

test("a sealed text that was changed in any byte, or cut, does not open", () => {
  const bytes = Buffer.from(sealer.seal("refresh-token", "here"), "base64url");
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    assert.equal(sealer.open(changed.toString("base64url"), "here"), undefined, `byte ${at}`);
    const cut = bytes.subarray(0, at).toString("base64url");
    assert.equal(sealer.open(cut, "here"), undefined, `cut to ${at}`);
  }
});
