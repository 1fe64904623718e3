import assert from "node:assert/strict";
import { test } from "node:test";
import { addressGroup } from "./client_address.ts";

test("an IPv4 address counts by itself, however it is written", () => {
  assert.equal(addressGroup("192.0.2.7"), "192.0.2.7");
  assert.equal(addressGroup("::ffff:192.0.2.7"), "192.0.2.7");
  assert.equal(addressGroup("::FFFF:192.0.2.7"), "192.0.2.7");
});

test("all addresses of one IPv6 network count together, those of another do not", () => {
  const table: readonly (readonly [address: string, group: string])[] = [
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::9", "2001:db8:1:3::/64"],
    ["2001:db8::5", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
  ];
  for (const [address, group] of table) assert.equal(addressGroup(address), group, address);
});

test("what is no address counts as what it is", () => {
  assert.equal(addressGroup(""), "");
  assert.equal(addressGroup("unix"), "unix");
});
