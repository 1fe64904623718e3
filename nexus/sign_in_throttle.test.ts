import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PasswordThrottle } from "@hivematrix/lib/password_throttle";
import { ada, type TestProvider } from "../helm/keycloak/testing.ts";
import type { Answer, TestBrowser } from "./browser_testing.ts";
import { startWithEmbeddedProvider } from "./embedded_provider_testing.ts";
import type { TestNexus } from "./testing.ts";

// A password check takes its time, so the limits are smaller than an installation's; and no try
// comes back while the test runs.
const limits = { failures_per_address: 8, failures_per_user_and_address: 4, failures_per_user: 6 };
const stoppedClock = () => 0;
const names = ["ada", "bob", "eve", "kim"];

describe("sign-ins by password, from addresses of 127.0.0.0/8", () => {
  let nexus: TestNexus;
  let provider: TestProvider;
  const cleanUps: (() => unknown)[] = [];
  before(async () => {
    const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };
    const users = names.map((username) => ({ ...ada, username, email: `${username}@x.test` }));
    const throttle = new PasswordThrottle(limits, stoppedClock);
    ({ nexus, provider } = await startWithEmbeddedProvider(scope, { users, throttle }));
  });
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  /** Signs in, or tries to. */
  const enter = async (
    browser: TestBrowser,
    username: string,
    password = "ada-secret",
    more = {},
  ) => await browser.submit(await browser.open("/login"), { username, password }, more);
  const from = (address: string) => nexus.openBrowser(address);
  const isIn = (page: Answer) => page.url === `${nexus.origin}/`;

  test("R33: many guesses from one address are 429, whatever it claims, and the person gets in", async () => {
    const attacker = from("127.0.0.66");
    const form = await attacker.open("/login");
    const guess = (i: number) => attacker.submit(form, { username: "ada", password: `guess-${i}` });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => guess(i)));
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [403, 403, 403, 403, 429, 429, 429, 429]);
    const refused = answers.find(({ status }) => status === 429);
    assert.match(refused?.body ?? "", /too many failed sign-ins\. Please wait \d+ minutes/);
    assert.match(refused?.body ?? "", /<form/, "it can be tried again there");
    const seconds = Number(refused?.header("retry-after"));
    assert.ok(seconds > 0 && seconds <= 600, String(seconds));

    assert.equal(
      (await enter(from("127.0.0.66"), "ada")).status,
      429,
      "the right one is no better",
    );
    assert.equal((await enter(from("127.0.0.66"), "ADA@x.test ")).status, 429, "by another name");
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip"]) {
      const claim = { [name]: "127.0.0.99" };
      assert.equal((await enter(from("127.0.0.66"), "ada", "ada-secret", claim)).status, 429, name);
    }
    assert.ok(isIn(await enter(from("127.0.0.7"), "ada")));
    assert.ok(isIn(await enter(from("127.0.0.66"), "kim")), "somebody else in the same office");
  });

  test("R33: a spray from many addresses gets one guess each, and the person gets in", async () => {
    const attackers = Array.from({ length: 9 }, (_, i) => `127.0.1.${i + 1}`);
    for (const address of attackers) {
      assert.equal((await enter(from(address), "bob", "guess")).status, 403, address);
    }
    for (const address of attackers.slice(6)) {
      assert.equal((await enter(from(address), "bob")).status, 429, address);
    }
    assert.ok(isIn(await enter(from("127.0.0.8"), "bob")));
    assert.ok(isIn(await enter(from("127.0.0.8"), "bob")));
  });

  test("R33: a person's own browser gets in although somebody guesses at the same address", async () => {
    const own = from("127.0.0.9");
    assert.ok(isIn(await enter(own, "eve")));
    const headers = { "sec-fetch-site": "same-origin" };
    await own.request("/logout", { method: "POST", headers });
    const attacker = from("127.0.0.9");
    for (let i = 0; i < 4; i++) await enter(attacker, "eve", "guess");
    assert.equal((await enter(from("127.0.0.9"), "eve")).status, 429);
    assert.ok(isIn(await enter(own, "eve")));

    // Neither somebody else's browser nor a made-up proof counts as hers.
    const device = own.cookies.find(({ name }) => name === "hive_device");
    assert.ok(device);
    for (const value of [device.value.replace(/\..*/, ".AAAA"), "x.y", "", `${device.value}A`]) {
      const thief = from("127.0.0.9");
      thief.cookies.push({ ...device, value });
      assert.equal((await enter(thief, "eve")).status, 429, value);
    }
    const other = from("127.0.0.10");
    assert.ok(isIn(await enter(other, "kim")));
    const kims = other.cookies.find(({ name }) => name === "hive_device");
    assert.ok(kims);
    const thief = from("127.0.0.9");
    thief.cookies.push(kims);
    assert.equal((await enter(thief, "eve")).status, 429);
  });

  test("R33: one password for many names from one address is 429 in the end", async () => {
    const statuses = [];
    for (let i = 0; i < 10; i++) {
      statuses.push((await enter(from("127.0.0.67"), `nobody-${i}`, "Winter2026")).status);
    }
    assert.deepEqual(statuses, [...Array(8).fill(403), ...Array(2).fill(429)]);
    assert.ok(isIn(await enter(from("127.0.0.68"), "kim")));
  });

  test("R26: a sign-in, a wrong password and a throttled one are in the log, with whom and from where", () => {
    const lines = provider.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const of = (message: string) => lines.filter((line) => line["message"] === message);
    for (const message of ["signed in", "sign-in refused", "sign-in throttled"]) {
      const line = of(message).find(({ user_id }) => user_id !== undefined);
      assert.match(String(line?.["user_id"]), /^[0-9a-f-]{36}$/, message);
      assert.match(String(line?.["address"]), /^127\.0\./, message);
      assert.match(String(line?.["time"]), /Z$/);
    }
    const unknown = of("sign-in refused").filter(({ user_id }) => user_id === undefined);
    assert.equal(unknown.length, 8);
    assert.doesNotMatch(provider.lines.join(""), /guess|Winter2026|nobody-|ada-secret/);
  });
});
