import assert from "node:assert/strict";
import { test } from "node:test";
import { cookieNames, isGatewayCookie } from "./cookie_names.ts";

test("R7: with TLS every name has the __Host- prefix, without it none has", () => {
  const secure = cookieNames(new URL("https://hive.example.org"));
  assert.equal(secure.session, "__Host-hivematrix_session");
  assert.equal(
    secure.loginAttempt("0123456789abcdefXYZ"),
    "__Host-hivematrix_login_0123456789abcdef",
  );
  const plain = cookieNames(new URL("http://localhost:8000"));
  assert.equal(plain.session, "hivematrix_session");
  assert.equal(plain.loginAttempt("0123456789abcdefXYZ"), "hivematrix_login_0123456789abcdef");
});

test("two installations on one host have names of their own", () => {
  const first = cookieNames(new URL("http://localhost:8000"));
  const second = cookieNames(new URL("http://localhost:8100"));
  assert.notEqual(first.session, second.session);
  assert.ok(second.isLoginAttempt(second.loginAttempt("state")));
  assert.ok(!second.isLoginAttempt(first.loginAttempt("state")));
  assert.ok(!second.isLoginAttempt(second.session));
});

test("the cookies of all gateways are told from those of services", () => {
  for (const origin of ["https://a.example", "http://localhost:8000", "http://localhost:8100"]) {
    const names = cookieNames(new URL(origin));
    assert.ok(isGatewayCookie(names.session));
    assert.ok(isGatewayCookie(names.loginAttempt("state-of-an-attempt")));
  }
  assert.ok(isGatewayCookie("__HOST-Hivematrix_Session"));
  for (const name of ["session", "hivematrix", "hivematrix_sessions", "x_hivematrix_session", ""]) {
    assert.ok(!isGatewayCookie(name), name);
  }
});
