import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { readCookies } from "@hivematrix/lib/cookies";
import { cookieNames } from "./cookie_names.ts";
import { codeChallenge, createLoginAttempt, LoginAttempts } from "./login_attempt.ts";
import { createSealedBox } from "./sealed_box.ts";
import { LocalUsedStates } from "./used_states.ts";

const names = cookieNames(new URL("https://hive.example.org"));
const createAttempts = () =>
  new LoginAttempts(createSealedBox("a-secret-key"), names, {
    isSecure: true,
    usedStates: new LocalUsedStates(),
  });

const pairOf = (setCookie = "") => setCookie.split(";", 1)[0] ?? "";
const startedAt = Date.UTC(2026, 0, 1);

/** An attempt and the cookies of the browser that began it. */
function begin(attempts: LoginAttempts, returnPath = "/", now = startedAt) {
  const attempt = createLoginAttempt(returnPath, now);
  const [setCookie] = attempts.formatCookies(attempt, new Map());
  return { attempt, cookies: readCookies(pairOf(setCookie)) };
}

test("R1: state, nonce and verifier have 256 bits each, differ, and are fresh each time", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const { state, nonce, codeVerifier } = createLoginAttempt("/");
    for (const value of [state, nonce, codeVerifier]) {
      assert.equal(Buffer.from(value, "base64url").length, 32);
      // RFC 7636 §4.1 sets the verifier's characters and length.
      assert.match(value, /^[\w.~-]{43,128}$/);
      seen.add(value);
    }
  }
  assert.equal(seen.size, 300);
});

test("R1: the challenge is the verifier's SHA-256 and nothing else", () => {
  // The example of RFC 7636, appendix B.
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  assert.equal(codeChallenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  assert.equal(codeChallenge("a"), createHash("sha256").update("a").digest("base64url"));
});

test("R1: an attempt is given back once, to the browser that began it, within ten minutes", async () => {
  const attempts = createAttempts();
  const { attempt, cookies } = begin(attempts, "/template/?a=b");
  const stranger = begin(attempts);
  assert.equal(await attempts.take(attempt.state, new Map(), startedAt), undefined);
  assert.equal(await attempts.take(attempt.state, stranger.cookies, startedAt), undefined);
  assert.equal(await attempts.take("unknown", cookies, startedAt), undefined);
  assert.equal(await attempts.take("", cookies, startedAt), undefined);
  assert.deepEqual(await attempts.take(attempt.state, cookies, startedAt + 599_000), attempt);
  assert.equal(await attempts.take(attempt.state, cookies, startedAt + 599_000), undefined);
});

test("R1: a late attempt is refused although the browser still has its cookie", async () => {
  const attempts = createAttempts();
  const { attempt, cookies } = begin(attempts);
  assert.equal(await attempts.take(attempt.state, cookies, startedAt + 600_000), undefined);
});

test("R1: the cookie of one attempt does not pass under the name of another", async () => {
  const attempts = createAttempts();
  const mine = begin(attempts);
  const theirs = begin(attempts);
  const value = [...theirs.cookies.values()][0] ?? "";
  const swapped = new Map([[names.loginAttempt(mine.attempt.state), value]]);
  assert.equal(await attempts.take(mine.attempt.state, swapped, startedAt), undefined);
  // The name carries part of the state only; the rest is compared.
  const samePrefix = `${theirs.attempt.state.slice(0, 16)}${mine.attempt.state.slice(16)}`;
  assert.equal(await attempts.take(samePrefix, theirs.cookies, startedAt), undefined);
});

test("R7: an attempt's cookie has the flags of the session's and fits a browser", () => {
  const attempts = createAttempts();
  const attempt = createLoginAttempt(`/${"a".repeat(1999)}`);
  const [setCookie = ""] = attempts.formatCookies(attempt, new Map());
  const [pair = "", ...attributes] = setCookie.split("; ");
  assert.ok(pair.startsWith("__Host-hivematrix_login_") && pair.length < 4096);
  const expected = ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax", "Secure"];
  assert.deepEqual(attributes.sort(), expected);
  assert.ok(!pair.includes(attempt.codeVerifier));
});

test("a browser keeps twenty attempts at most, and the oldest make room", () => {
  const { kept, removed } = beginMany(30, "/");
  assert.equal(kept.size, 20);
  assert.equal(removed.length, 10);
  assert.equal(removed[0], "__Host-hivematrix_login_attempt-0");
});

test("long addresses make room earlier, before the header is refused for its size", () => {
  const { kept } = beginMany(30, `/?${"q".repeat(1990)}`);
  const bytes = [...kept].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  assert.ok(kept.size >= 10 && bytes < 33 * 1024, `${kept.size} cookies, ${bytes} bytes`);
});

/** Starts attempts one after the other in one browser. */
function beginMany(count: number, returnPath: string) {
  const attempts = createAttempts();
  const kept = new Map<string, string>([["other", "cookie"]]);
  const removed: string[] = [];
  for (let i = 0; i < count; i++) {
    const attempt = { ...createLoginAttempt(returnPath), state: `attempt-${i}` };
    for (const setCookie of attempts.formatCookies(attempt, kept)) {
      const [name = "", value = ""] = pairOf(setCookie).split("=", 2);
      if (value !== "") kept.set(name, value);
      else if (kept.delete(name)) removed.push(name);
    }
  }
  kept.delete("other");
  return { kept, removed };
}
