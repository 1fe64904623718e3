import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { decodeJwt } from "jose";
import { toHash } from "../../core/session_store_testing.ts";
import { adaUserinfo as ada, startCore } from "../../core/testing.ts";
import { loadMasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { makeConfiguration, withCore } from "./testing.ts";

const idOf = (token: string) => toHash(decodeJwt(token).jti ?? "");
const adam = { ...ada, sub: "adam-sub", name: "Adam Riese", preferred_username: "adam" };
const phone = { user_agent: "(iPhone; CPU iPhone OS 19_0) Safari/605.1", address: "192.0.2.7" };

test("R11: the command line shows who is signed in, for people and for programs", async (t) => {
  const { helm, core } = await startInstallation(t);
  const nobody = await helm("sessions", "list");
  assert.deepEqual([nobody.status, nobody.stdout], [0, "Nobody is signed in.\n"]);
  const token = await core.signIn(ada, phone);
  await core.signIn({ ...adam, name: "Evil\u001b[2J", preferred_username: "a\u001b[2Jdam" });
  const { status, stdout } = await helm("sessions", "list");
  assert.equal(status, 0);
  const [head, ...rows] = stdout.trim().split("\n");
  assert.match(head ?? "", /^ID +USER +LEVEL +DEVICE +ADDRESS +SIGNED IN +LAST USED +ENDS$/);
  const row = rows.find((each) => each.startsWith(idOf(token).slice(0, 12)));
  assert.match(
    row ?? "",
    /^\w{12} {2}ada +technician +Safari on iPhone +192\.0\.2\.7 +just now +just now +in (59 min|1 h)/,
  );
  assert.ok(!stdout.includes("\u001b"), "a user name does not reach the terminal as a command");
  const json = await helm("sessions", "list", "LOVEL", "--json");
  assert.deepEqual(
    JSON.parse(json.stdout).map(({ id, sub }: Record<string, string>) => [id, sub]),
    [[idOf(token), "ada-sub"]],
  );
  const unknown = await helm("sessions", "list", "zoe");
  assert.deepEqual([unknown.status, unknown.stdout], [0, 'Nobody called "zoe" is signed in.\n']);
});

test("R11: the command line ends one session, named by the beginning of its ID", async (t) => {
  const { helm, core } = await startInstallation(t);
  const token = await core.signIn(ada, phone);
  const other = await core.signIn(ada);
  const ended = await helm("sessions", "revoke", idOf(token).slice(0, 12).toUpperCase());
  assert.deepEqual(
    [ended.status, ended.stdout],
    [0, "Ended the session of ada: Safari on iPhone, 192.0.2.7.\n"],
  );
  const live = await core.sessions.list(undefined, 9);
  assert.deepEqual(
    live.map(({ hash }) => hash),
    [idOf(other)],
  );
  const again = await helm("sessions", "revoke", idOf(token));
  assert.equal(again.status, 1);
  assert.match(
    again.stderr,
    /^Cannot end session \w{64}: it is over already, or there was none\n$/,
  );
  const unknown = await helm("sessions", "revoke", "000000");
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /Cannot end session 000000: no live session's ID begins so/);
  for (const wrong of ["", "abc", "../tokens", "g".repeat(12), "a".repeat(65)]) {
    const refused = await helm("sessions", "revoke", wrong);
    assert.equal(refused.status, 2, wrong);
    assert.match(refused.stderr, /6 to 64 characters of 0-9 and a-f/);
  }
  assert.equal((await core.sessions.list(undefined, 9)).length, 1);
});

test("R11: the command line signs one person out everywhere, and nobody by half a name", async (t) => {
  const { helm, core } = await startInstallation(t);
  await core.signIn(ada);
  await core.signIn(ada);
  await core.signIn(adam);
  const half = await helm("sessions", "revoke-all", "ad");
  assert.equal(half.status, 1);
  assert.match(
    half.stderr,
    /sessions of "ad": this is no user's whole name; .*: (ada, adam|adam, ada)/,
  );
  const ended = await helm("sessions", "revoke-all", "Ada");
  assert.deepEqual([ended.status, ended.stdout], [0, "Ended 2 sessions of Ada.\n"]);
  const again = await helm("sessions", "revoke-all", "ada-sub");
  assert.equal(again.status, 1);
  assert.match(again.stderr, /^Cannot end the sessions of "ada-sub": nobody with this user name/);
  await core.signIn({ ...adam, sub: "second-adam-sub" });
  const two = await helm("sessions", "revoke-all", "adam");
  assert.equal(two.status, 1);
  assert.match(two.stderr, /2 accounts are called so, name one by its ID: .*second-adam-sub/);
  assert.equal((await helm("sessions", "revoke-all", "adam-sub")).status, 0);
  assert.equal((await helm("sessions", "revoke-all", "")).status, 2);
  assert.equal((await core.sessions.list(undefined, 9)).length, 1);
  await core.close();
  const away = await helm("sessions", "revoke-all", "adam");
  assert.equal(away.status, 1);
  assert.equal(away.stderr, 'Cannot list sessions: Core cannot be reached, see "helm status"\n');
});

async function startInstallation(t: TestContext) {
  const core = await startCore(t, { services: ["helm"] });
  const { checkout, helm } = await makeConfiguration(t);
  await saveMasterConfig(checkout, withCore(await loadMasterConfig(checkout), core));
  return { core, helm };
}
