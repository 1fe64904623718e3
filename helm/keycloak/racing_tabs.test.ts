// Tabs of one browser that sign in at the same moment: what one of them does to the session that
// they share must not cost another its tokens.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { startEmbeddedProvider } from "./testing.ts";
import {
  type Attempt,
  type Page,
  readCode,
  type TestBrowser,
  type Tokens,
} from "./testing_browser.ts";

const { url: databaseUrl, sql } = await startTestPostgres({ after });
const provider = await startEmbeddedProvider({ after }, { databaseUrl });

/** One tab: what its person types, then what Nexus does with the code. */
async function finish(browser: TestBrowser, attempt: Attempt, page: Page): Promise<Tokens> {
  const end = await browser.submit(page, { username: "ada", password: "ada-secret" });
  const response = await browser.redeem(readCode(end, attempt), attempt.verifier);
  assert.equal(response.status, 200);
  return (await response.json()) as Tokens;
}

/** The answer to what Core asks about an access token. */
async function askUserinfo({ access_token }: Tokens): Promise<number> {
  const url = `${provider.backendUrl}/realms/hivematrix/protocol/openid-connect/userinfo`;
  const headers = { authorization: `Bearer ${access_token}` };
  return (await fetch(url, { headers })).status;
}

async function openTabs(browser: TestBrowser, count: number) {
  const attempts = Array.from({ length: count }, () => browser.attempt());
  return await Promise.all(
    attempts.map(async (attempt) => ({ attempt, page: await browser.open(attempt.url) })),
  );
}

async function countWaiting(): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
  return row?.count ?? 0;
}

test("a token is good at every moment while another tab gives their session a new id", async () => {
  const browser = provider.openBrowser();
  const [first, second] = await openTabs(browser, 2);
  assert.ok(first && second);
  const tokens = await finish(browser, first.attempt, first.page);
  const { sid } = decodeJwt(tokens.id_token);
  let other: Promise<Tokens> | undefined;
  await sql.begin(async (transaction) => {
    // The provider takes this lock to save a session, so the second tab stops at that point.
    await transaction`SELECT pg_advisory_xact_lock(hashtextextended(${String(sid)}, 0))`;
    other = finish(browser, second.attempt, second.page);
    await waitFor(async () => (await countWaiting()) === 1);
    assert.equal(await askUserinfo(tokens), 200);
  });
  assert.ok(other);
  assert.equal(decodeJwt((await other).id_token)["sid"], sid, "it is one session");
  assert.equal(await askUserinfo(await other), 200);
  assert.equal(await askUserinfo(tokens), 200);
});

test("R6: the id that the session had before another tab signed in is dead", async () => {
  const browser = provider.openBrowser();
  const [first, second] = await openTabs(browser, 2);
  assert.ok(first && second);
  await finish(browser, first.attempt, first.page);
  const former = browser.cookies.filter(({ name }) => name.startsWith("hive_sso"));
  await finish(browser, second.attempt, second.page);
  const thief = provider.openBrowser();
  thief.cookies.push(...former);
  assert.match((await thief.open(thief.attempt().url)).body, /<h1[^>]*>Sign in</);
});

test("a token is good although a slow request has saved the session as it was before", async () => {
  const browser = provider.openBrowser();
  const [tab] = await openTabs(browser, 1);
  assert.ok(tab);
  const tokens = await finish(browser, tab.attempt, tab.page);
  const { sid } = decodeJwt(tokens.id_token);
  // Such a request leaves its copy under the former id: nobody signed in, or signed in earlier.
  await sql`
    INSERT INTO oidc_records (model, id, payload, session_uid, account_id, expires_at)
    SELECT model, 'former-' || n, payload - 'accountId' - 'authorizations', session_uid, NULL,
      expires_at + (n - 2) * interval '1 hour'
    FROM oidc_records, generate_series(1, 3) AS n
    WHERE model = 'Session' AND session_uid = ${String(sid)}`;
  await sql`
    UPDATE oidc_records SET payload = payload WHERE model = 'Session' AND account_id IS NOT NULL`;
  assert.equal(await askUserinfo(tokens), 200);
});

test("ten tabs that sign in at once get tokens that stay good, round after round", async () => {
  for (let round = 0; round < 2; round++) {
    const browser = provider.openBrowser();
    const tokens: Tokens[] = [];
    const tabs = await openTabs(browser, 10);
    const ends = tabs.map(async ({ attempt, page }) => {
      tokens.push(await finish(browser, attempt, page));
    });
    const isOver = Promise.all(ends).then(() => true);
    while (!(await Promise.race([isOver, false]))) {
      const [oldest, latest] = [tokens[0], tokens.at(-1)];
      if (oldest && latest) {
        assert.deepEqual(await Promise.all([oldest, latest].map(askUserinfo)), [200, 200]);
      } else await Promise.race(ends);
    }
    assert.deepEqual(await Promise.all(tokens.map(askUserinfo)), Array(10).fill(200));
  }
});
