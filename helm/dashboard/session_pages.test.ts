import assert from "node:assert/strict";
import test from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { decodeJwt } from "jose";
import { MemorySessionStore } from "../../core/memory_session_store.ts";
import { toHash } from "../../core/session_store_testing.ts";
import { ada, grace, readPage, readSoundPage, root, startSessions } from "./sessions_testing.ts";

const idOf = (token: string) => toHash(decodeJwt(token).jti ?? "");
const firefox = "Mozilla/5.0 (Windows NT 10.0; rv:150.0) Gecko/20100101 Firefox/150.0";

test("R11: an administrator sees who is signed in, and where", async (t) => {
  const { ask, signIn, token } = await startSessions(t);
  const other = await signIn(ada, firefox);
  await signIn(grace);
  const page = await readSoundPage(await ask("/sessions"));
  assert.match(page, /3 sessions of 3 people/);
  assert.match(page, /Ada Lovelace <small>ada<\/small>[\s\S]*?technician/);
  assert.ok(page.includes('href="/helm/users/ada-sub">Account<'));
  assert.match(page, /Firefox on Windows[\s\S]*?192\.0\.2\.7 · signed in <time [^>]*>just now</);
  assert.match(page, /ends <time [^>]*>in (59 min|1 h)/);
  assert.match(page, /Grace Hopper &lt;b&gt;/);
  assert.equal(page.match(/this one/g)?.length, 1);
  const own = /this one[\s\S]*?&id=([0-9a-f]{64})/.exec(page)?.[1];
  assert.equal(own, idOf(token));
  assert.ok(page.includes(`href="/helm/sessions/end?sub=ada-sub&id=${idOf(other)}"`));
  assert.doesNotMatch(page, / style=|<style|<script/);
  for (const secret of [token, other, String(decodeJwt(other).jti)]) {
    assert.ok(!page.includes(secret), "no token and no session's own ID in the page");
  }
});

test("R11: people are found by a part of their name; nobody is said plainly", async (t) => {
  const { ask, signIn } = await startSessions(t);
  assert.match(await readPage(await ask("/sessions")), /Nobody is signed in but you, here\./);
  for (let i = 0; i < 7; i++) await signIn(ada);
  await signIn(grace);
  const found = await readPage(await ask("/sessions?q=LOVE"));
  assert.match(found, /7 sessions of 1 person matching “LOVE”/);
  assert.doesNotMatch(found, /grace/);
  assert.match(found, /href="\/helm\/sessions\?person=ada-sub">Show all 7 sessions/);
  const all = await readPage(await ask("/sessions?person=ada-sub"));
  assert.equal(all.match(/>End<span/g)?.length, 7);
  const none = await readPage(await ask(`/sessions?q=${encodeURIComponent('"><b>%_')}`));
  assert.match(none, /No session found[\s\S]*contains “&quot;&gt;&lt;b&gt;%_”/);
  assert.equal((await ask("/sessions?q=%00")).status, 200);
});

test("R11: a list that Core cuts says so, and a search still finds everybody", async (t) => {
  const { ask, signIn, core } = await startSessions(t);
  const checked = await core.sessions.check(decodeJwt(await signIn(grace)).jti ?? "");
  assert.equal(checked.state, "live");
  if (checked.state !== "live") return;
  const late = { ...checked.session.user, sub: "zoe-sub", name: "Zoe", preferred_username: "zoe" };
  for (let i = 0; i < 1100; i++) await core.sessions.create(checked.session.user, 600);
  await core.sessions.create(late, 600);
  const page = await readPage(await ask("/sessions"));
  assert.match(page, /The last used 1,000 sessions of/);
  assert.match(page, /There are more sessions than fit in this list/);
  assert.match(await readPage(await ask("/sessions?q=zoe")), /1 session of 1 person/);
  const question = await readPage(await ask("/sessions/end?sub=grace-sub"));
  assert.match(question, /End all sessions of grace\?[\s\S]*and at least 990 more sessions/);
});

test("R11: an administrator ends one session after a page that says whose", async (t) => {
  const { ask, post, signIn, isLive, log } = await startSessions(t);
  const phone = await signIn(ada, firefox);
  const laptop = await signIn(ada);
  const question = `/sessions/end?sub=ada-sub&id=${idOf(phone)}&q=love`;
  const page = await readPage(await ask(question));
  assert.match(page, /End this session of ada\?/);
  assert.match(page, /Firefox on Windows/);
  assert.doesNotMatch(page, /Chrome on Linux|you use right now/);
  assert.match(page, /<form class="form" method="post" action="\/helm\/sessions\/end">/);
  assert.match(page, /href="\/helm\/sessions\?q=love">Cancel/);
  assert.ok(await isLive(phone), "asking ends nothing");

  const fields = { sub: "ada-sub", id: idOf(phone), q: "love" };
  for (const [name, value] of Object.entries(fields)) {
    assert.ok(page.includes(`<input type="hidden" name="${name}" value="${value}">`), name);
  }
  const ended = await post(fields);
  assert.equal(ended.status, 303);
  assert.match(ended.headers.get("location") ?? "", /^\/helm\/sessions\?q=love&notice=/);
  assert.deepEqual([await isLive(phone), await isLive(laptop)], [false, true]);
  const list = (ended.headers.get("location") ?? "").replace("/helm", "");
  assert.match(
    await readPage(await ask(list)),
    /role="status"><p>Ended the session of ada: Firefox on Windows, 192\.0\.2\.7\.</,
  );

  const line = log.lines.find((each) => each.includes('"sessions ended"')) ?? "{}";
  const { level, by, of, of_sub, session, ended: count } = JSON.parse(line);
  assert.deepEqual(
    { level, by, of, of_sub, session, count },
    {
      level: "info",
      by: "root",
      of: "ada",
      of_sub: "ada-sub",
      session: idOf(phone).slice(0, 16),
      count: 1,
    },
  );
  assert.ok(!log.lines.join().includes(phone), "no token in the log");
});

test("R11: an administrator ends all sessions of one person, and of nobody else", async (t) => {
  const { ask, post, signIn, isLive, log } = await startSessions(t);
  const tokens = [await signIn(ada), await signIn(ada, firefox), await signIn(ada)];
  const other = await signIn(grace);
  const page = await readPage(await ask("/sessions/end?sub=ada-sub"));
  assert.match(page, /End all 3 sessions of ada\?/);
  assert.match(page, /Firefox on Windows/);
  const ended = await post({ sub: "ada-sub" });
  for (const token of tokens) assert.ok(!(await isLive(token)));
  assert.ok(await isLive(other));
  const list = (ended.headers.get("location") ?? "").replace("/helm", "");
  assert.match(await readPage(await ask(list)), /Ended 3 sessions of ada\./);
  assert.match(log.lines.join(), /"sessions ended".*"by":"root".*"session":"all","ended":3/);

  const again = await post({ sub: "ada-sub" });
  const empty = (again.headers.get("location") ?? "").replace("/helm", "");
  assert.match(await readPage(await ask(empty)), /alert--info[\s\S]*No session was left to end/);
  const gone = await ask(`/sessions/end?sub=ada-sub&id=${idOf(tokens[0] ?? "")}`);
  assert.equal(gone.status, 303, "there is nothing to ask about");
});

test("R11: one's own session may be ended, after a warning, by signing out", async (t) => {
  const { ask, post, token, signIn, isLive, log } = await startSessions(t);
  const own = { sub: "root-sub", id: idOf(token) };
  const page = await readPage(await ask(`/sessions/end?${new URLSearchParams(own)}`));
  assert.match(page, /This is the session that you use right now\. You will be signed out/);
  // Nexus would cut the answer with the session, so it is Nexus that ends it.
  const one = await post(own);
  assert.deepEqual([one.status, one.headers.get("location")], [303, "/logout"]);
  assert.ok(await isLive(token));
  const phone = await signIn(root, firefox);
  const question = await readPage(await ask("/sessions/end?sub=root-sub"));
  assert.match(question, /The session that you use right now is among them/);
  const all = await post({ sub: "root-sub" });
  assert.equal(all.headers.get("location"), "/logout");
  assert.deepEqual([await isLive(token), await isLive(phone)], [true, false]);
  assert.match(log.lines.join(), /"session":"all others","ended":1/);
});

test("R11: at Helm's own port one's own session is ended there, and is over at once", async (t) => {
  const { url, token, isLive } = await startSessions(t);
  const headers = { authorization: `Bearer ${token}` };
  const body = new URLSearchParams({ sub: "root-sub", id: idOf(token) });
  const redirect = "manual";
  const ended = await fetch(`${url}/sessions/end`, { method: "POST", headers, body, redirect });
  assert.equal(ended.status, 303);
  assert.ok(!(await isLive(token)));
  // The token's signature still holds, but Core does not let it in.
  assert.equal((await fetch(`${url}/sessions`, { headers })).status, 401);
});

test("R11: nobody but an administrator sees or ends anything, a service neither", async (t) => {
  const { ask, post, signIn, core, isLive } = await startSessions(t);
  const victim = await signIn(grace);
  const callers = [
    await signIn(ada),
    await core.tokens.mintServiceToken("template", "helm"),
    await core.tokens.mintServiceToken("nexus", "helm"),
  ];
  for (const caller of callers) {
    const headers = { authorization: `Bearer ${caller}` };
    const target = `sub=grace-sub&id=${idOf(victim)}`;
    assert.equal((await ask("/sessions", { headers })).status, 403);
    assert.equal((await ask(`/sessions/end?${target}`, { headers })).status, 403);
    assert.equal((await post({ sub: "grace-sub" }, { headers })).status, 403);
    const method = "DELETE";
    assert.equal((await ask("/api/sessions?sub=grace-sub", { method, headers })).status, 403);
    assert.equal((await ask(`/api/sessions/${idOf(victim)}`, { method, headers })).status, 403);
  }
  assert.ok(await isLive(victim));
});

test("a form of another site's page comes without the token, and ends nothing", async (t) => {
  const { url, signIn, isLive } = await startSessions(t);
  const victim = await signIn(ada);
  const headers = { cookie: "hivematrix_session=x", origin: "https://evil.example" };
  const body = new URLSearchParams({ sub: "ada-sub" });
  const forged = await fetch(`${url}/sessions/end`, { method: "POST", body, headers });
  assert.equal(forged.status, 401);
  assert.ok(await isLive(victim));
});

test("what names no session is refused, and a session is not ended under another's name", async (t) => {
  const { ask, post, signIn, isLive, log } = await startSessions(t);
  const token = await signIn(grace);
  for (const fields of [{}, { id: "nonsense" }, { sub: "", id: "" }] as Record<string, string>[]) {
    assert.equal((await post(fields)).status, 400);
    assert.equal((await ask(`/sessions/end?${new URLSearchParams(fields)}`)).status, 400);
  }
  assert.equal((await post({}, { body: "{}" })).status, 415);
  await post({ sub: "ada-sub", id: idOf(token) });
  assert.ok(!(await isLive(token)));
  const line = log.lines.find((each) => each.includes('"sessions ended"')) ?? "";
  assert.doesNotMatch(line, /ada/, "the log says nobody rather than somebody else");
});

test("a Core that is away is explained, and nothing that was asked for is lost", async (t) => {
  const { ask, post, core, signIn } = await startSessions(t);
  const token = await signIn(ada);
  await ask("/sessions");
  await core.close();
  const list = await ask("/sessions?q=ada&page=2");
  assert.equal(list.status, 503);
  assert.equal(list.headers.get("retry-after"), "2");
  const page = await readPage(list);
  assert.match(
    page,
    /Sessions cannot be shown[\s\S]*Core cannot be reached\.[\s\S]*Nothing was ended\./,
  );
  assert.match(page, /href="\/helm\/sessions\?q=ada&page=2">Try again/);
  const question = await ask(`/sessions/end?sub=ada-sub&id=${idOf(token)}`);
  assert.equal(question.status, 503);
  const end = await post({ sub: "ada-sub", id: idOf(token) });
  assert.equal(end.status, 503);
  const trouble = await readPage(end);
  assert.match(trouble, /<h1 [^>]*>Nothing was ended</);
  assert.ok(trouble.includes(`name="id" value="${idOf(token)}"`), "it can be sent again");
});

test("an end that not every gateway has confirmed is not called done, and can be repeated", async (t) => {
  let isConfirmed = false;
  // As shared_revocations.ts answers when another Core does not acknowledge.
  class Unconfirmed extends MemorySessionStore {
    override async end(...which: Parameters<MemorySessionStore["end"]>) {
      const ended = await super.end(...which);
      if (isConfirmed) return ended;
      throw new HttpError(503, "The session has ended, but not every gateway has confirmed");
    }
  }
  const { ask, post, signIn, log } = await startSessions(t, { sessions: new Unconfirmed() });
  await signIn(ada);
  const first = await post({ sub: "ada-sub" });
  assert.equal(first.status, 503);
  const page = await readPage(first);
  assert.match(page, /It is not certain that all sessions of ada ended/);
  assert.match(page, /not every gateway has confirmed/);
  assert.match(page, /name="sub" value="ada-sub"[\s\S]*Try again/);
  assert.doesNotMatch(page, /Nothing was ended/);
  assert.match(log.lines.join(), /"level":"warn".*"sessions perhaps not ended".*"of":"ada"/);
  assert.match(await readPage(await post({ sub: "ada-sub" })), /It is not certain/);
  isConfirmed = true;
  const second = await post({ sub: "ada-sub" });
  assert.equal(second.status, 303);
  const list = (second.headers.get("location") ?? "").replace("/helm", "");
  assert.match(await readPage(await ask(list)), /No session was left to end: every part/);
});

test("a message in the list is this administrator's own, not whatever a link says", async (t) => {
  const { ask, post, signIn } = await startSessions(t);
  await signIn(ada);
  const ended = await post({ sub: "ada-sub" });
  const list = (ended.headers.get("location") ?? "").replace("/helm", "");
  const other = await signIn({ ...root, sub: "other-sub", preferred_username: "other" });
  const headers = { authorization: `Bearer ${other}` };
  assert.match(await readPage(await ask(list)), /Ended 1 session of ada/);
  assert.doesNotMatch(await readPage(await ask(list, { headers })), /Ended 1 session/);
  assert.doesNotMatch(await readPage(await ask("/sessions?notice=All+is+lost")), /All is lost/);
});
