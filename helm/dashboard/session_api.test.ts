import assert from "node:assert/strict";
import test from "node:test";
import { decodeJwt } from "jose";
import { toHash } from "../../core/session_store_testing.ts";
import { ada, grace, startSessions } from "./sessions_testing.ts";

const idOf = (token: string) => toHash(decodeJwt(token).jti ?? "");
const json = { accept: "application/json" };

test("R11: a program lists and ends sessions as the administrator whose token it has", async (t) => {
  const { ask, signIn, isLive, log } = await startSessions(t);
  const first = await signIn(ada);
  const second = await signIn(ada);
  const other = await signIn(grace);
  const call = async (method: string, path: string) => {
    const response = await ask(path, { method, headers: json });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const { body } = await call("GET", "/api/sessions?q=grace");
  assert.equal(body["truncated"], false);
  assert.deepEqual(
    (body["sessions"] as { id: string }[]).map(({ id }) => id),
    [idOf(other)],
  );
  assert.deepEqual(await call("DELETE", `/api/sessions/${idOf(first)}`), {
    status: 200,
    body: { ended: 1 },
  });
  assert.ok(!(await isLive(first)));
  assert.match(log.lines.join(), /"sessions ended".*"by":"root","of":"ada","of_sub":"ada-sub"/);
  assert.deepEqual((await call("DELETE", "/api/sessions?sub=ada-sub")).body, { ended: 1 });
  assert.deepEqual([await isLive(second), await isLive(other)], [false, true]);
  assert.deepEqual((await call("DELETE", "/api/sessions?sub=ada-sub")).body, { ended: 0 });
  assert.equal((await call("DELETE", "/api/sessions")).status, 400);
  assert.equal((await call("DELETE", "/api/sessions/x")).status, 400);
});

test("a program is told when Core is away, and whether anything may have happened", async (t) => {
  const { ask, core } = await startSessions(t);
  await ask("/api/sessions");
  await core.close();
  const response = await ask("/api/sessions?sub=ada-sub", { method: "DELETE", headers: json });
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "2");
  const { detail, may_have_acted } = (await response.json()) as Record<string, unknown>;
  assert.match(String(detail), /Core cannot be reached/);
  assert.equal(may_have_acted, false);
});
