import assert from "node:assert/strict";
import test from "node:test";
import { hasColours, welcome } from "./output.ts";

test("colours are for a terminal whose owner wants them", () => {
  assert.equal(hasColours({ isTTY: true }, {}), true);
  assert.equal(hasColours({ isTTY: true }, { NO_COLOR: "1" }), false);
  assert.equal(hasColours({ isTTY: true }, { TERM: "dumb" }), false);
  assert.equal(hasColours({}, {}), false);
});

test("only the well-known password of a development installation is printed", () => {
  const address = "https://hive.example.org";
  const welcomed = (environment: string, password: string) =>
    welcome({ address, environment }, { username: "admin", password }).join("\n");
  assert.match(welcomed("development", "admin"), /the password "admin"/);
  assert.doesNotMatch(welcomed("development", "hunter22"), /hunter22/);
  assert.doesNotMatch(welcomed("production", "hunter22"), /hunter22/);
  assert.match(welcomed("production", "admin"), /https:\/\/hive\.example\.org/);
});

test("with a provider elsewhere nobody is sent there as our first user", () => {
  const place = { address: "https://hive.example.org", environment: "development" };
  const lines = welcome(place, { elsewhere: "https://sso.example.org" });
  assert.deepEqual(lines.slice(1), ["Sign in with your account at https://sso.example.org."]);
});
