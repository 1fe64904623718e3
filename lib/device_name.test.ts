import assert from "node:assert/strict";
import { test } from "node:test";
import { readDeviceName } from "./device_name.ts";

test("a device is named as its owner would", () => {
  const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36";
  const safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605.1";
  const edge = "Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0";
  assert.equal(readDeviceName(chrome), "Chrome on Linux");
  assert.equal(readDeviceName(safari), "Safari on iPhone");
  assert.equal(readDeviceName(edge), "Edge on Windows");
});

test("what is not known is shown as it is, in bounds", () => {
  assert.equal(readDeviceName("backup-script/2"), "backup-script/2");
  assert.equal(readDeviceName("x".repeat(500)).length, 60);
  assert.equal(readDeviceName(""), "Unknown");
});
