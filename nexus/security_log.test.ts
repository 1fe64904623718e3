// R26: what a person looks for in the log after something has happened.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { decodeJwt } from "jose";
import { startNexus, type TestNexus } from "./testing.ts";
import { describeSession, hashSessionId } from "./trusted_sessions.ts";

type Line = Record<string, unknown>;

/** At the level of an installation: what is for debugging does not count. */
function linesOf({ logLines }: TestNexus): Line[] {
  return logLines.map((line) => JSON.parse(line) as Line).filter(({ level }) => level !== "debug");
}

test("R26: every sign-in, denial and refusal is in the log, with what, from where and why", async (t) => {
  const services = { helm: { admin_only: true } };
  const limits = { sign_in_requests_per_minute: 12 };
  const nexus = await startNexus(t, { services, limits });
  const browser = await nexus.signIn();
  const address = "127.0.0.1";
  const expectLine = async (act: () => Promise<unknown>, expected: Line) => {
    const before = nexus.logLines.length;
    await act();
    const added = linesOf(nexus).slice(-(nexus.logLines.length - before));
    const found = added.find(({ message }) => message === expected["message"]);
    assert.ok(found, `no "${expected["message"]}" among ${JSON.stringify(added)}`);
    for (const [key, value] of Object.entries(expected)) {
      if (value instanceof RegExp) assert.match(String(found[key]), value, key);
      else assert.deepEqual(found[key], value, key);
    }
    assert.match(String(found["request_id"]), /^\w{24}$/);
    assert.match(String(found["time"]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  };
  const post = (headers: Record<string, string | undefined>, path = "/template/") =>
    browser.request(path, { method: "POST", headers });
  const refused = { message: "request refused", address };

  await expectLine(() => browser.request("/helm/"), {
    ...{ message: "access denied", level: "warn", service: "nexus", rule: "admin_only" },
    ...{ sub: "ada-sub", address },
  });
  await expectLine(() => post({ "sec-fetch-site": "cross-site" }), {
    ...refused,
    ...{ level: "warn", status: 403, reason: /another site's page/ },
  });
  const host = "Host: evil.example";
  await expectLine(() => sendRaw(nexus.url, ["GET / HTTP/1.1", host, "Connection: close"]), {
    ...{ ...refused, status: 421, reason: /evil\.example/ },
  });
  await expectLine(() => browser.request("/template/a%2fb"), { ...refused, status: 400 });
  const forged = { authorization: "Bearer a.b.c" };
  await expectLine(() => browser.request("/template/", { headers: forged }), {
    ...{ message: "token refused", level: "info", address },
  });
  await expectLine(() => browser.request("/keycloak-callback?state=x&code=y"), {
    ...{ message: "sign-in refused", level: "warn", reason: /state/, address },
  });
  nexus.provider.wrong.claims = (claims) => ({ ...claims, nonce: "another" });
  await expectLine(() => nexus.openBrowser().open("/login"), {
    ...{ message: "sign-in failed", level: "warn", address },
  });
  await expectLine(
    async () => {
      for (let i = 0; i < 12; i++) await nexus.openBrowser().request("/login");
    },
    { ...refused, level: "warn", status: 429, reason: /too many requests to the sign-in/ },
  );
});

test("R26: a session's beginning and end carry the same name, which opens nothing", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  await browser.request("/template/");
  const token = nexus.upstream.last.headers("authorization")[0]?.replace("Bearer ", "") ?? "";
  const { jti = "" } = decodeJwt(token);
  await browser.request("/logout", {
    method: "POST",
    headers: { "sec-fetch-site": "same-origin" },
  });
  const named = (message: string) => linesOf(nexus).find((line) => line["message"] === message);
  const name = describeSession(hashSessionId(jti));
  assert.match(name, /^[0-9a-f]{16}$/);
  for (const message of ["signed in", "signed out"]) {
    assert.equal(named(message)?.["session"], name, message);
    assert.equal(named(message)?.["address"], "127.0.0.1", message);
  }
  assert.equal(named("signed in")?.["sub"], "ada-sub");
  const atCore = nexus.core.logLines.find((line) => line.includes('"signed in"'));
  assert.equal(JSON.parse(atCore ?? "{}").session, name, "Core calls it the same");
  assert.ok(![...nexus.logLines, ...nexus.core.logLines].some((line) => line.includes(jti)));
});
