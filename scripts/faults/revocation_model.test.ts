import assert from "node:assert/strict";
import { test } from "node:test";
import { type ModelRequest, type ModelSession, RevocationModel } from "./revocation_model.ts";

function signIn(model: RevocationModel, sub = "ada"): ModelSession {
  const session = { name: "s", sub, token: "t", cookie: "c=1", id: "i", mayBeOver: false };
  model.beginSignIn(sub)(session);
  return session;
}

const request = (session: ModelSession, beganAtMs: number): ModelRequest => ({
  number: 1,
  session,
  nexus: 0,
  kind: "echo",
  credential: "cookie",
  beganAtMs,
});

test("a request that began before the end was answered may be served, a later one not", () => {
  const model = new RevocationModel();
  const session = signIn(model);
  const answered = model.beginEnd([session]);
  model.served(request(session, 5), "reached the upstream");
  answered(10, "revoke");
  model.served(request(session, 9), "reached the upstream");
  assert.deepEqual(model.violations, []);
  model.served(request(session, 10), "reached the upstream");
  assert.match(model.violations.join(), /served: .*0\.0 ms after/);
});

test("the first of two answers counts", () => {
  const model = new RevocationModel();
  const session = signIn(model);
  const first = model.beginEnd([session]);
  const second = model.beginEnd([session]);
  second(10, "revoke");
  first(20, "revoke");
  model.served(request(session, 15), "was answered 200");
  assert.equal(model.violations.length, 1);
});

test("a live session may not be refused, one whose end was asked for may", () => {
  const model = new RevocationModel();
  const session = signIn(model);
  for (const status of [0, 503]) model.refused(request(session, 1), status);
  assert.deepEqual(model.violations, []);
  model.refused(request(session, 1), 401);
  assert.match(model.violations.join(), /nothing has ended/);
  model.beginEnd([session]);
  model.refused(request(session, 2), 302);
  assert.equal(model.violations.length, 1);
  model.refused(request(session, 3), 500);
  assert.match(model.violations[1] ?? "", /unexpected/);
});

test("all of a person's sessions end, and a sign-in at the same time may end with them", () => {
  const model = new RevocationModel();
  const before = signIn(model);
  const kept = signIn(model);
  const other = signIn(model, "grace");
  const finishSignIn = model.beginSignIn("ada");
  const answered = model.beginPersonalEnd("ada", kept);
  answered(10, "end all");
  const during = { ...before, mayBeOver: false };
  delete during.ended;
  finishSignIn(during);
  const after = signIn(model);
  const mayBeOver = [before, kept, other, during, after].map((session) => session.mayBeOver);
  assert.deepEqual(mayBeOver, [true, false, false, true, false]);
  assert.deepEqual([before.ended?.atMs, kept.ended, during.ended], [10, undefined, undefined]);
});

test("an end that was never answered may take effect at any later time", () => {
  const model = new RevocationModel();
  model.beginPersonalEnd("ada");
  assert.equal(signIn(model).mayBeOver, true);
});
