import assert from "node:assert/strict";
import test from "node:test";
import { newPassword } from "./new_password.ts";

test("a generated password has 16 characters in fours, none that looks like another", () => {
  const made = Array.from({ length: 500 }, newPassword);
  assert.equal(new Set(made).size, made.length);
  for (const password of made) {
    assert.match(password, /^[A-HJ-NP-Z][a-hjkmnp-z2-9]{3}(?:-[a-hjkmnp-z2-9]{4}){3}$/);
    assert.match(password, /[a-z]/);
    assert.match(password, /\d/);
  }
});
