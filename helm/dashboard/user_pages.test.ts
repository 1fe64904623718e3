import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { startEmbeddedProvider } from "../keycloak/testing.ts";
import { lastFirst } from "../testing.ts";
import { readPage, readSoundPage } from "./sessions_testing.ts";
import { startUsers } from "./users_testing.ts";

const password = "long-enough-secret";

async function start(t: TestContext) {
  const provider = await startEmbeddedProvider(lastFirst(t));
  const users = await startUsers(t, provider.adminPlace);
  const ada = await users.admin.findUser("ada");
  assert.ok(ada);
  return { ...users, provider, ada, page: `/users/${ada.id}` };
}

const passwordIn = (page: string) => /shown this once: <code>([^<]+)<\/code>/.exec(page)?.[1];

test("an administrator sees who there is, finds people, and pages through many", async (t) => {
  const { ask, admin } = await start(t);
  const names = Array.from({ length: 30 }, (_, i) => `user${String(i).padStart(2, "0")}`);
  for (const username of names) {
    await admin.createUser({ username, firstName: "<b>", password, isTemporary: false });
  }
  const page = await readSoundPage(await ask("/users"));
  assert.match(page, /<a href="\/helm\/users\/[\w-]{36}">ada<\/a>[\s\S]*?Ada Lovelace[\s\S]*?ada@/);
  assert.match(
    page,
    /<span class="badge badge--wrap">technicians<\/span>[\s\S]*?badge--success">enabled</,
  );
  assert.match(page, /<td [^>]*>&lt;b&gt;<\/td>/);
  assert.match(page, /aria-current="page">Users</);
  assert.match(page, /rel="next" href="\/helm\/users\?page=2"/);
  assert.doesNotMatch(page, /user29|rel="prev"| style=|<style|<script/);
  const second = await readPage(await ask("/users?page=2"));
  assert.match(second, /user29[\s\S]*rel="prev" href="\/helm\/users"/);
  assert.doesNotMatch(second, /rel="next"/);
  const found = await readPage(await ask("/users?q=LOVEL"));
  assert.match(found, />ada<\/a>/);
  assert.doesNotMatch(found, /user0|rel="next"/);
  const none = await readPage(await ask(`/users?q=${encodeURIComponent('"><b>%_')}`));
  assert.match(none, /No user found[\s\S]*contains “&quot;&gt;&lt;b&gt;%_”/);
  assert.equal((await ask("/users?q=%00&page=-3")).status, 200);
});

test("one user's page says what is known; nobody's is not found", async (t) => {
  const { ask, page, provider, ada } = await start(t);
  await provider.openBrowser().signIn("ada", "ada-secret");
  const shown = await readSoundPage(await ask(page));
  assert.match(shown, /<h1 class="page-header__title">ada<\/h1>/);
  assert.match(shown, /signed in <time [^>]*>just now</);
  assert.ok(shown.includes(`href="/helm/sessions?person=${ada.id}"`));
  assert.match(shown, /name="remove" value="technicians"/);
  assert.match(shown, /<option>admins<\/option><option>billing<\/option>/);
  for (const nobody of ["/users/ada", "/users/nobody", `${page}x`]) {
    assert.equal((await ask(nobody)).status, 404, nobody);
  }
});

test("a user is created by the form, and the password is shown exactly once", async (t) => {
  const { ask, post, follow, admin, provider, log } = await start(t);
  assert.match(await readPage(await ask("/users/new")), /name="group" value="billing"/);
  const created = await post("/users", [
    ["username", "grace"],
    ["email", "grace@example.org"],
    ["first_name", "Grace"],
    ["last_name", "Hopper"],
    ["group", "billing"],
    ["group", "technicians"],
  ]);
  assert.equal(created.status, 303);
  const location = created.headers.get("location") ?? "";
  const made = passwordIn(await readPage(await follow(created))) ?? "";
  assert.match(made, /^[\w-]{19}$/);
  assert.ok(!location.includes(made), "not in a URL");
  const again = await readPage(await follow(created));
  assert.equal(passwordIn(again), undefined);
  assert.match(again, /Created “grace”\. The password was shown once\./);
  assert.ok(!again.includes(made));
  assert.ok(!log.lines.join().includes(made), "not in the log");
  assert.match(log.lines.join(), /"user changed".*"action":"create","by":"root","of":"grace"/);
  const grace = await admin.findUser("grace");
  assert.deepEqual(
    [grace?.email, grace?.firstName, grace?.lastName, grace?.mustChangePassword],
    ["grace@example.org", "Grace", "Hopper", false],
  );
  assert.deepEqual(await admin.groupsOf(grace?.id ?? ""), ["billing", "technicians"]);
  await provider.openBrowser().signIn("grace", made);
});

test("what is wrong stands beside its field, and what was typed stays", async (t) => {
  const { post, admin } = await start(t);
  const typed = [
    ["email", "nope"],
    ["first_name", "<b>Grace"],
    ["group", "billing"],
    ["temporary", "on"],
  ] as const;
  const wrong = await post("/users", [["username", "two words"], ...typed]);
  assert.equal(wrong.status, 422);
  const page = await readPage(wrong);
  assert.match(
    page,
    /value="two words"[^>]*autofocus aria-invalid="true" aria-describedby="username-problem"/,
  );
  assert.match(page, /id="username-problem">A user name has no blanks in it\./);
  assert.match(page, /id="email-problem">Enter an e-mail address/);
  assert.match(page, /name="first_name" value="&lt;b&gt;Grace"/);
  assert.match(page, /value="billing" checked/);
  assert.match(page, /name="temporary" checked/);
  const taken = await readPage(await post("/users", [["username", "ADA"]]));
  assert.match(taken, /id="username-problem">[^<]*exists/);
  assert.doesNotMatch(taken, /name="temporary" checked/);
  const email = [
    ["username", "ada2"],
    ["email", "ada@example.org"],
  ] as const;
  assert.match(await readPage(await post("/users", email)), /id="email-problem">[^<]*exists/);
  const group = await readPage(
    await post("/users", [
      ["username", "ada3"],
      ["group", "nosuch"],
    ]),
  );
  assert.match(group, /Nobody was created\. There is no group &quot;nosuch/);
  assert.equal((await admin.listUsers()).users.length, 1);
});

test("R9: who is disabled on the page is refused at the next request", async (t) => {
  const { post, follow, page, signIn, isLive, provider, log, admin } = await start(t);
  await provider.openBrowser().signIn("ada", "ada-secret");
  const token = await signIn("ada");
  const disabled = await post(`${page}/disable`);
  assert.equal(disabled.status, 303);
  assert.equal(await isLive(token), false);
  assert.deepEqual(await admin.listSessions((await admin.findUser("ada"))?.id ?? ""), []);
  const shown = await readPage(await follow(disabled));
  assert.match(shown, /alert--success" role="status"><p>Disabled “ada”\. Ended 1 session\.</);
  assert.match(shown, /badge--neutral">disabled<[\s\S]*>Enable</);
  assert.match(
    log.lines.join(),
    /"user changed".*"action":"disable","by":"root","of":"ada".*"ended":1/,
  );
  assert.match(await readPage(await follow(await post(`${page}/enable`))), /Enabled “ada”\.</);
});

test("R9: who is deleted, after a page that asks, is refused at the next request", async (t) => {
  const { ask, post, follow, page, signIn, isLive, admin } = await start(t);
  const token = await signIn("ada");
  const question = await readPage(await ask(`${page}/delete`));
  assert.match(question, /Delete ada\?[\s\S]*Ada Lovelace[\s\S]*method="post"/);
  assert.ok(await isLive(token), "asking deletes nobody");
  const deleted = await post(`${page}/delete`);
  assert.match(deleted.headers.get("location") ?? "", /^\/helm\/users\?notice=/);
  assert.equal(await isLive(token), false);
  assert.equal(await admin.findUser("ada"), undefined);
  assert.match(await readPage(await follow(deleted)), /Deleted “ada”\. Ended 1 session\./);
  assert.equal((await post(`${page}/delete`)).status, 404);
});

test("R12: another password, shown once, ends the sessions", async (t) => {
  const { post, follow, page, signIn, isLive, provider, admin } = await start(t);
  const token = await signIn("ada");
  const reset = await post(`${page}/reset-password`);
  assert.equal(await isLive(token), false);
  const made = passwordIn(await readPage(await follow(reset))) ?? "";
  assert.ok(!(reset.headers.get("location") ?? "").includes(made));
  await provider.openBrowser().signIn("ada", made);
  await post(`${page}/reset-password`, [["temporary", "on"]]);
  assert.equal((await admin.findUser("ada"))?.mustChangePassword, true);
});

test("R23: a change of groups on the page takes effect at once", async (t) => {
  const { post, follow, page, signIn, isLive, admin, ada } = await start(t);
  const token = await signIn("ada");
  const added = await post(`${page}/groups`, [["add", "billing"]]);
  assert.equal(await isLive(token), false);
  assert.match(await readPage(await follow(added)), /Added “ada” to billing\. Ended 1 session\./);
  const second = await signIn("ada");
  const removed = await post(`${page}/groups`, [["remove", "technicians"]]);
  assert.equal(await isLive(second), false);
  assert.match(await readPage(await follow(removed)), /Took “ada” out of technicians\./);
  assert.deepEqual(await admin.groupsOf(ada.id), ["billing"]);
  const unknown = await post(`${page}/groups`, [["add", "nosuch"]]);
  assert.equal(unknown.status, 404);
  const out = await signIn("ada");
  await post(`${page}/sign-out`);
  assert.equal(await isLive(out), false);
});

test("the last administrator is kept, and one's own account is for somebody else", async (t) => {
  const { post, follow, admin, core, ask, ada, page } = await start(t);
  await admin.addToGroup(ada.id, "admins");
  const refused = await post(`${page}/disable`);
  const shown = await readPage(await follow(refused));
  assert.match(shown, /alert--error"[\s\S]*the last enabled member of &quot;admins&quot;/);
  assert.equal((await admin.findUser("ada"))?.isEnabled, true);

  const userinfo = { sub: ada.id, preferred_username: "ada", name: "Ada", groups: ["admins"] };
  const headers = { authorization: `Bearer ${await core.signIn(userinfo)}` };
  const own = await readPage(await ask(page, { headers }));
  assert.match(own, /This is you\./);
  assert.match(own, /href="\/login\?password=new&next=%2Fhelm%2Fusers%2F[\w-]{36}"/);
  assert.doesNotMatch(own, /<form[^>]* action="[^"]*(?:disable|reset-password|groups|sign-out)"/);
  const body = new URLSearchParams({ remove: "technicians" });
  const answer = await ask(`${page}/groups`, { method: "POST", body, headers });
  const list = (answer.headers.get("location") ?? "").replace("/helm", "");
  assert.match(
    await readPage(await ask(list, { headers })),
    /Cannot change the groups of yourself/,
  );
  assert.deepEqual(await admin.groupsOf(ada.id), ["admins", "technicians"]);
});

test("groups are listed with their members, and made", async (t) => {
  const { ask, post, follow, admin, provider } = await start(t);
  for (let i = 0; i < 14; i++) {
    await provider.accounts.create({ username: `biller${i}`, groups: ["billing"] });
  }
  const shown = await readPage(await ask("/users/groups"));
  assert.match(shown, /permission level billing[\s\S]*?>biller0<[\s\S]*?and others/);
  assert.equal(shown.match(/>biller\d+</g)?.length, 12);
  assert.match(shown, /technicians[\s\S]*?permission level technician[\s\S]*?>ada<\/a>/);
  const made = await post("/users/groups", [["name", " sales "]]);
  assert.match(await readPage(await follow(made)), /Created the group “sales”\./);
  assert.ok((await admin.listGroups()).some(({ name }) => name === "sales"));
  for (const [name, problem] of [
    ["", /Enter a name/],
    ["sales", /exists/],
  ] as const) {
    const refused = await post("/users/groups", [["name", name]]);
    assert.equal(refused.status, 422);
    assert.match(await readPage(refused), problem);
  }
});

test("nothing changes by looking: every change is a POST", async (t) => {
  const { ask, page, admin } = await start(t);
  for (const action of ["enable", "disable", "reset-password", "sign-out", "groups"]) {
    assert.equal((await ask(`${page}/${action}`)).status, 405, action);
  }
  const foreign = { "content-type": "text/plain" };
  const sent = await ask(`${page}/disable`, { method: "POST", body: "", headers: foreign });
  assert.equal(sent.status, 415, "a form of another kind is refused");
  assert.equal((await admin.findUser("ada"))?.isEnabled, true);
});

test("R9: an administrator whose session has ended changes nobody with the token", async (t) => {
  const { ask, post, core, token, page, admin } = await start(t);
  assert.equal((await ask(page)).status, 200);
  await core.post("/api/token/revoke", { token });
  for (const path of [`${page}/disable`, "/users"]) {
    assert.equal((await post(path, [["username", "eve"]])).status, 401);
  }
  assert.equal((await ask("/users")).status, 401);
  assert.deepEqual(
    (await admin.listUsers()).users.map((user) => user.isEnabled),
    [true],
  );
});

test("a provider that is away is said on the page, and the rest of the dashboard works", async (t) => {
  const { ask, post, page, provider } = await start(t);
  await provider.close();
  const list = await ask("/users?q=ada");
  assert.equal(list.status, 503);
  assert.equal(list.headers.get("retry-after"), "2");
  const shown = await readPage(list);
  assert.match(
    shown,
    /Users cannot be shown[\s\S]*cannot be reached[\s\S]*href="\/helm\/users\?q=ada">Try/,
  );
  const change = await post(`${page}/disable`);
  assert.equal(change.status, 503);
  assert.match(await readPage(change), /Nothing was changed/);
  assert.equal((await ask("/sessions")).status, 200);
  assert.equal((await ask("/")).status, 200);
});

test("a credential that the provider refuses is said with what to do", async (t) => {
  const provider = await startEmbeddedProvider(lastFirst(t));
  const { ask } = await startUsers(t, { ...provider.adminPlace, clientSecret: "wrong" });
  const page = await ask("/users");
  assert.equal(page.status, 503);
  assert.match(
    await readPage(page),
    /To let Helm manage users there: in Keycloak(?:'|&#39;)s realm hivematrix/,
  );
});
