// What becomes of a request whose session ends before its answer is whole: a browser that signs in in
// another tab does that to itself.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { defer } from "@hivematrix/lib/serve_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { startHttp2 } from "./http2_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

async function revoke(nexus: TestNexus, token: string): Promise<void> {
  assert.equal((await nexus.core.post("/api/token/revoke", { token })).status, 200);
}

/** A browser with a request that the service has got and does not answer. */
async function beginRequest(nexus: TestNexus, headers: Record<string, string | undefined> = {}) {
  const browser = await nexus.signIn();
  await browser.open("/template/");
  const token = nexus.upstream.last.headers("authorization")[0]?.replace("Bearer ", "") ?? "";
  const { promise: hasCome, resolve: come } = defer();
  nexus.upstream.answer(() => come());
  const answer = browser.request("/template/late?x=1", { headers });
  await hasCome;
  return { answer, token, service: nexus.upstream.last };
}

test("a page that is not answered yet when its session ends leads to the sign-in and back", async (t) => {
  const nexus = await startNexus(t);
  const { answer, token, service } = await beginRequest(nexus);
  await revoke(nexus, token);
  const { status, header } = await answer;
  assert.equal(status, 302);
  assert.equal(header("location"), "/login?next=%2Ftemplate%2Flate%3Fx%3D1");
  await waitFor(() => service.outgoing.destroyed, { what: "the service to be told" });
});

test("a program whose request is not answered yet gets the 401 that it would get now", async (t) => {
  const nexus = await startNexus(t);
  const headers = { accept: "application/json", "sec-fetch-mode": "cors" };
  const { answer, token } = await beginRequest(nexus, headers);
  await revoke(nexus, token);
  const { status, json } = await answer;
  assert.equal(status, 401);
  assert.equal(typeof json()["login_url"], "string");
});

test("an answer that is whole and not all sent yet is not broken off", async (t) => {
  const { nexus, session, authorization } = await startHttp2(t);
  const slow = connectSlowly(nexus.origin);
  t.after(() => slow.destroy());
  await once(slow, "connect");
  const page = "x".repeat(6000);
  nexus.upstream.answer((_incoming, outgoing) => void outgoing.end(page));
  const stream = slow.request({ ":path": "/template/", authorization });
  await once(stream, "response");
  session.close();
  await revoke(nexus, authorization.replace("Bearer ", ""));
  assert.equal((await buffer(stream)).length, page.length);
  assert.equal(stream.rstCode, 0);
});

/** A client that takes a thousand bytes, and more only when somebody reads. */
function connectSlowly(origin: string) {
  return connect(origin, { rejectUnauthorized: false, settings: { initialWindowSize: 1000 } });
}

test("R15: an answer that goes on is broken off when its session ends", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  nexus.upstream.answer((_incoming, outgoing) => void outgoing.write("first words"));
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${nexus.origin}/template/`, { headers });
  await revoke(nexus, token);
  await assert.rejects(response.text(), { name: "TypeError" });
});
