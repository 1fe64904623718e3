import assert from "node:assert/strict";
import { test } from "node:test";
import { limitSettings, readLimits } from "./limit_settings.ts";

const defaults = { header_bytes: 4096, sign_ins: 7 };

test("a limit is asked for under the name that Helm writes", () => {
  assert.deepEqual(limitSettings(defaults), ["LIMIT_HEADER_BYTES", "LIMIT_SIGN_INS"]);
});

test("a limit that is not set has its default", () => {
  const limits = readLimits("nexus", defaults, { LIMIT_SIGN_INS: "12" });
  assert.deepEqual(limits, { header_bytes: 4096, sign_ins: 12 });
});

test("a limit that is no whole number above 0 stops the start and is named", () => {
  for (const value of ["0", "-1", "1.5", "many", "1000000001"]) {
    assert.throws(() => readLimits("nexus", defaults, { LIMIT_HEADER_BYTES: value }), {
      name: "SettingsError",
      message: new RegExp(`Cannot start nexus: LIMIT_HEADER_BYTES is "${value}"`),
    });
  }
});
