import assert from "node:assert/strict";
import { test } from "node:test";
import { packSession, type SessionDetails, seekDetail, unpackSession } from "./packed_session.ts";
import { ada } from "./session_store_testing.ts";

const details: SessionDetails = {
  user: { ...ada, name: 'Ζωή "🐝" \\ \ud800 O\'Brien', groups: ["a,b", "/x/y", "", "Ärzte"] },
  provider: { sid: "provider-sid", refreshToken: "refresh-token", untilSeconds: 1_800_001_800 },
  device: { userAgent: "Firefox", address: "192.0.2.7" },
};

const nothing = {
  provider: { sid: undefined, refreshToken: undefined, untilSeconds: undefined },
  device: { userAgent: undefined, address: undefined },
};

test("a packed session comes back as it was, whatever is in it and whatever is not", () => {
  assert.deepEqual(unpackSession(packSession(details)), details);
  const bare = { user: { ...ada, groups: [] }, ...nothing };
  assert.deepEqual(unpackSession(packSession({ ...bare, provider: {}, device: {} })), bare);
});

test("a packed session takes one byte for each of its characters, in any language", () => {
  const packed = packSession(details);
  assert.doesNotMatch(packed, /[^\x20-\xff]/);
  assert.ok(packed.length < JSON.stringify(details).length);
});

test("a detail is found by the whole of it, and not by a part", () => {
  const packed = packSession(details);
  for (const whole of [details.user.sub, "provider-sid", details.user.name]) {
    assert.ok(seekDetail(whole)(packed), whole);
  }
  for (const part of ["provider-si", "rovider-sid", "Firefo", 'a","b', "ada-sub,", '"Firefox"']) {
    assert.equal(seekDetail(part)(packed), false, part);
  }
});
