import assert from "node:assert/strict";
import { test } from "node:test";
import { readCookies } from "@hivematrix/lib/cookies";
import { HttpError } from "@hivematrix/lib/http_error";
import { cookieNames } from "./cookie_names.ts";
import { createSealedBox } from "./sealed_box.ts";
import { createSessionCookie } from "./session_cookie.ts";

const box = createSealedBox("a-secret-key");
const createFor = (origin: string) => {
  const publicOrigin = new URL(origin);
  const isSecure = publicOrigin.protocol === "https:";
  return createSessionCookie(box, cookieNames(publicOrigin), { isSecure });
};
const secure = createFor("https://hive.example.org");
const plain = createFor("http://localhost:8000");

const sentBack = (setCookie: string) => readCookies(setCookie.split(";")[0]);

test("R7: the session cookie is bound to this origin and hidden from scripts", () => {
  const [pair = "", ...attributes] = secure.format("token", 3600).split("; ");
  assert.match(pair, /^__Host-hivematrix_session=[\w-]+$/);
  const expected = ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"];
  assert.deepEqual(attributes.sort(), expected);
});

test("R7: without TLS it goes without Secure and under another name", () => {
  const [pair = "", ...attributes] = plain.format("token", 3600).split("; ");
  assert.match(pair, /^hivematrix_session=/);
  assert.deepEqual(attributes.sort(), ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax"]);
});

test("what comes back is the token; an attempt's cookie or a foreign value is none", () => {
  assert.equal(secure.read(sentBack(secure.format("token", 60))), "token");
  assert.equal(secure.read(new Map()), undefined);
  assert.equal(secure.read(new Map([["__Host-hivematrix_session", "planted"]])), undefined);
  const attempt = box.seal("token", "__Host-hivematrix_login_abc");
  assert.equal(secure.read(new Map([["__Host-hivematrix_session", attempt]])), undefined);
});

test("a Cookie header is read into our token and what is for services, again and again", () => {
  const [ours = ""] = secure.format("token", 60).split(";");
  const [attempt, foreign] = ["__Host-hivematrix_login_abc=x", "theme=dark; a=b=c"];
  const header = `theme=dark; ${ours}; ${attempt};a=b=c;;  `;
  for (const _ of ["first", "remembered"]) {
    assert.deepEqual(secure.readHeader(header), { token: "token", foreignCookies: foreign });
  }
  const planted = `theme=dark; __Host-hivematrix_session=${"x".repeat(60)}; a=b=c`;
  assert.deepEqual(secure.readHeader(planted), { token: undefined, foreignCookies: foreign });
  assert.deepEqual(secure.readHeader(undefined), { token: undefined, foreignCookies: "" });
  // A header may differ only in whose session it carries.
  const [other = ""] = secure.format("other", 60).split(";");
  assert.equal(secure.readHeader(header.replace(ours, other)).token, "other");
});

test("R7: a cookie that browsers would drop for its size is refused with the way to mend it", () => {
  const isRefusal = (error: unknown) =>
    error instanceof HttpError && error.status === 500 && /groups/.test(error.message);
  let largest = 0;
  for (let length = 3000; length < 3100; length++) {
    try {
      const [pair = ""] = secure.format("x".repeat(length), 60).split(";");
      // Name and value, without the equals sign between them.
      largest = Math.max(largest, pair.length - 1);
    } catch (error) {
      assert.ok(isRefusal(error));
    }
  }
  assert.ok(largest > 4090 && largest < 4096, String(largest));
});

test("its removal has the same name, path and flags, no value and no time left", () => {
  const removal = "__Host-hivematrix_session=; Path=/; SameSite=Lax; Max-Age=0; HttpOnly; Secure";
  assert.equal(secure.formatRemoval(), removal);
});
