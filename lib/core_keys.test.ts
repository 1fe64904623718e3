import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type TestContext, test } from "node:test";
import { exportJWK, generateKeyPair, type JWTVerifyGetKey } from "jose";
import { closeServer } from "./close_server.ts";
import { createCoreKeys } from "./core_keys.ts";
import { listen } from "./serve.ts";

const { publicKey } = await generateKeyPair("RS256", { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), alg: "RS256", use: "sig" };
const seconds = 1000;
const minutes = 60 * seconds;

/** A Core whose keys and manners a test can change, and a clock that it can turn. */
async function startKeys(t: TestContext, kids: string[]) {
  const state = {
    kids,
    asked: 0,
    now: 0,
    answer: "keys" as "keys" | "500" | "garbage" | "elsewhere",
  };
  const server = createServer((_incoming, outgoing) => {
    state.asked++;
    if (state.answer === "500") outgoing.writeHead(500);
    if (state.answer === "elsewhere") outgoing.writeHead(302, { location: "/other" });
    const keys = state.kids.map((kid) => ({ ...jwk, kid }));
    outgoing.end(state.answer === "garbage" ? "garbage" : JSON.stringify({ keys }));
  });
  await listen(server, { port: 0, hostname: "127.0.0.1", service: "core" });
  const { port } = server.address() as { port: number };
  t.after(() => closeServer(server));
  const keys = createCoreKeys(`http://127.0.0.1:${port}`, () => state.now);
  const find = (kid: string | undefined) => findKey(keys, kid);
  const stop = () => closeServer(server);
  const start = () => listen(server, { port, hostname: "127.0.0.1", service: "core" });
  return { state, find, stop, start };
}

/** "found", or the name of what was thrown. */
async function findKey(keys: JWTVerifyGetKey, kid: string | undefined): Promise<string> {
  const header = { alg: "RS256", ...(kid !== undefined && { kid }) };
  try {
    await keys(header, { payload: "", signature: "" });
    return "found";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

test("R35: keys are fetched once, for all requests that come together and for later ones", async (t) => {
  const { state, find } = await startKeys(t, ["a", "b"]);
  const found = await Promise.all(["a", "b", "a", "b"].map(find));
  assert.deepEqual(found, ["found", "found", "found", "found"]);
  state.now += 9 * minutes;
  assert.equal(await find("a"), "found");
  assert.equal(state.asked, 1);
});

test("R35: a new key is used at once, even by requests that come together", async (t) => {
  const { state, find } = await startKeys(t, ["old"]);
  assert.equal(await find("old"), "found");
  state.kids = ["old", "new"];
  state.now += 5 * seconds;
  assert.deepEqual(await Promise.all(["new", "old", "new"].map(find)), ["found", "found", "found"]);
  assert.equal(state.asked, 2);
});

test("R19: unknown kids make Core be asked at most every five seconds", async (t) => {
  const { state, find } = await startKeys(t, ["a"]);
  assert.equal(await find("a"), "found");
  for (let i = 0; i < 100; i++) {
    assert.equal(await find(`forged-${i}`), "JWKSNoMatchingKey");
    state.now += 100;
  }
  assert.equal(state.asked, 1 + 1);
  assert.equal(await find("forged"), "JWKSNoMatchingKey");
  assert.equal(state.asked, 1 + 2);
});

test("R19: a token that names no key fits none, though there is only one", async (t) => {
  const { state, find } = await startKeys(t, ["a"]);
  assert.equal(await find(undefined), "JWSInvalid");
  assert.equal(state.asked, 0);
});

test("two keys of one name are no reason to ask again", async (t) => {
  const { state, find } = await startKeys(t, ["a", "a"]);
  for (const _ of [1, 2]) {
    assert.equal(await find("a"), "JWKSMultipleMatchingKeys");
    state.now += 10 * seconds;
  }
  assert.equal(state.asked, 1);
});

test("R35: a key that Core has withdrawn is refused ten minutes later at the latest", async (t) => {
  const { state, find } = await startKeys(t, ["old"]);
  assert.equal(await find("old"), "found");
  state.kids = ["new"];
  state.now += 10 * minutes + 1;
  assert.equal(await find("old"), "JWKSNoMatchingKey");
  assert.equal(await find("new"), "found");
  assert.equal(state.asked, 2);
});

test("R25: without Core no key is known, and once it is back all is well", async (t) => {
  const { state, find, stop, start } = await startKeys(t, ["a"]);
  await stop();
  assert.equal(await find("a"), "CoreAwayError");
  assert.equal(await find("a"), "CoreAwayError");
  await start();
  assert.equal(await find("a"), "found");
  assert.equal(state.asked, 1);
});

for (const answer of ["500", "garbage", "elsewhere"] as const) {
  test(`R25: a Core that answers nonsense counts as away: ${answer}`, async (t) => {
    const { state, find } = await startKeys(t, ["a"]);
    state.answer = answer;
    assert.equal(await find("a"), "CoreAwayError");
    state.answer = "keys";
    assert.equal(await find("a"), "found");
  });
}

test("R35: while Core is away its last keys count for an hour, and no longer", async (t) => {
  const { state, find, stop, start } = await startKeys(t, ["a"]);
  assert.equal(await find("a"), "found");
  await stop();
  state.now += 10 * minutes + 1;
  assert.equal(await find("a"), "found");
  assert.equal(await find("unknown"), "CoreAwayError");
  state.now += 49 * minutes;
  assert.equal(await find("a"), "found");
  state.now += 1 * minutes;
  assert.equal(await find("a"), "CoreAwayError");
  await start();
  assert.equal(await find("a"), "found");
});

test("R35: old keys make Core be asked at most every five seconds while it fails", async (t) => {
  const { state, find } = await startKeys(t, ["a"]);
  assert.equal(await find("a"), "found");
  state.answer = "500";
  state.now += 11 * minutes;
  for (let i = 0; i < 50; i++) {
    assert.equal(await find("a"), "found");
    state.now += 100;
  }
  assert.equal(state.asked, 1 + 1);
  assert.equal(await find("unknown"), "CoreAwayError");
});
