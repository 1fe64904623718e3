import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { SettingsError } from "@hivematrix/lib/settings";
import { createTestLog } from "@hivematrix/lib/testing";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeProtectedHeader } from "jose";
import { KeyRing } from "./key_ring.ts";
import { startCore } from "./testing.ts";

function createFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-ring-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  return folder;
}

const filesIn = (folder: string) => ({
  privateKeyFile: join(folder, "jwt_private.pem"),
  publicKeyFile: join(folder, "jwt_public.pem"),
});

async function load(t: TestContext, folder: string, now: () => number = Date.now) {
  const log = createTestLog("core");
  const ring = await KeyRing.load(filesIn(folder), {
    log,
    sessionLifetimeSeconds: 3600,
    now,
    watchMs: 20,
  });
  t.after(() => ring.close());
  return Object.assign(ring, { log });
}

const kidsOf = ({ published }: { published: readonly { kid: string }[] }) =>
  published.map(({ kid }) => kid);

/** A clock to be moved; it starts now, since the files' times are compared with it. */
function createClock() {
  let offsetMs = 0;
  return {
    now: () => Date.now() + offsetMs,
    advance: (seconds: number) => {
      offsetMs += seconds * 1000;
    },
  };
}

test("R35: the next key is published from the first start on, before it signs", async (t) => {
  const folder = createFolder(t);
  const ring = await load(t, folder);
  assert.equal(ring.published.length, 2);
  assert.equal(ring.published[0]?.kid, ring.signing.kid);
  assert.deepEqual(kidsOf(await load(t, folder)), kidsOf(ring), "and stays the same");
  assert.equal(statSync(join(folder, "keys.json")).mode & 0o777, 0o600);
});

test("R35: a rotation lets the next key sign, keeps the old one and publishes a new next", async (t) => {
  const clock = createClock();
  const folder = createFolder(t);
  const ring = await load(t, folder, clock.now);
  const [old, next] = kidsOf(ring);
  clock.advance(10);
  const { current } = await ring.rotate();
  assert.equal(current.kid, next);
  assert.equal(ring.signing.kid, next);
  assert.equal(ring.published.length, 3);
  assert.equal(kidsOf(ring)[2], old);
  assert.deepEqual(kidsOf(await load(t, folder, clock.now)), kidsOf(ring), "a restart too");
  // The clock runs on beside; a busy machine may take seconds here.
  clock.advance(3600 + 20);
  assert.ok(kidsOf(ring).includes(old ?? ""), "its last token may live");
  clock.advance(41);
  assert.ok(!kidsOf(ring).includes(old ?? ""), "no token of it is left");
});

test("a next key that services may not know yet does not sign", async (t) => {
  const clock = createClock();
  const ring = await load(t, createFolder(t), clock.now);
  const before = kidsOf(ring);
  await assert.rejects(
    ring.rotate(),
    (error) =>
      error instanceof HttpError &&
      error.status === 409 &&
      Number(error.headers["retry-after"]) > 0,
  );
  assert.deepEqual(kidsOf(ring), before);
});

test("of two rotations asked for at once, one happens", async (t) => {
  const clock = createClock();
  const ring = await load(t, createFolder(t), clock.now);
  clock.advance(10);
  const results = await Promise.allSettled([ring.rotate(), ring.rotate()]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

test("R35: killed at any point of a rotation, the next start verifies every token", async (t) => {
  const clock = createClock();
  const before = createFolder(t);
  const ring = await load(t, before, clock.now);
  const [a = "", b = ""] = kidsOf(ring);
  const after = createFolder(t);
  ring.close();
  cpSync(before, after, { recursive: true });
  const rotated = await load(t, after, clock.now);
  clock.advance(10);
  await rotated.rotate();
  const c = kidsOf(rotated)[1] ?? "";
  rotated.close();

  const read = (folder: string, name: string) => readFileSync(join(folder, name), "utf8");
  const oldManifest = JSON.parse(read(before, "keys.json"));
  const newManifest = JSON.parse(read(after, "keys.json"));
  const step1 = { ...newManifest, next: [...oldManifest.next, ...newManifest.next] };
  const states = [
    { keys: step1, key: before, public: before, signs: a, next: b },
    { keys: step1, key: after, public: before, signs: b, next: c },
    { keys: step1, key: after, public: after, signs: b, next: c },
    { keys: newManifest, key: after, public: after, signs: b, next: c },
  ];
  for (const [index, state] of states.entries()) {
    const folder = createFolder(t);
    const write = (name: string, text: string) =>
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    write("keys.json", JSON.stringify(state.keys));
    write("jwt_private.pem", read(state.key, "jwt_private.pem"));
    write("jwt_public.pem", read(state.public, "jwt_public.pem"));
    const found = await load(t, folder, clock.now);
    assert.equal(found.signing.kid, state.signs, `state ${index}`);
    assert.deepEqual(new Set(kidsOf(found)), new Set([a, b, c]), `state ${index}`);
    clock.advance(10);
    assert.equal((await found.rotate()).current.kid, state.next, `state ${index}`);
  }
});

test("R35: a Core that shares the folder sees a rotation by itself", async (t) => {
  const clock = createClock();
  const folder = createFolder(t);
  const [one, two] = [await load(t, folder, clock.now), await load(t, folder, clock.now)];
  clock.advance(10);
  await one.rotate();
  await waitFor(() => two.signing.kid === one.signing.kid);
  assert.deepEqual(kidsOf(two), kidsOf(one));
});

test("a keys.json that cannot be used stops the start, by name, and harms no running Core", async (t) => {
  const folder = createFolder(t);
  const ring = await load(t, folder);
  const before = kidsOf(ring);
  const file = join(folder, "keys.json");
  for (const text of ["", "{}", '{"next":[{}],"previous":[]}']) {
    writeFileSync(file, text);
    await assert.rejects(load(t, folder), (error) => {
      assert.ok(error instanceof SettingsError);
      return error.message.includes(file) && error.message.includes("remove it");
    });
    assert.equal(readFileSync(file, "utf8"), text);
  }
  await waitFor(() => ring.log.lines.some((line) => line.includes("cannot be used")));
  assert.deepEqual(kidsOf(ring), before);
});

test("R35: rotations under load: no request fails, old tokens stay good, new ones bear the new key", async (t) => {
  const clock = createClock();
  const keys = await load(t, createFolder(t), clock.now);
  const core = await startCore(t, { keys, services: ["template", "helm"] });
  const verifier = createTokenVerifier({ coreUrl: core.url, service: "template" });
  const first = await core.signIn();
  await verifier.verify(first);
  const problems: string[] = [];
  const kids = new Set<string | undefined>();
  let rounds = 0;
  let isOver = false;
  const work = async () => {
    while (!isOver) {
      const token = await core.signIn();
      kids.add(decodeProtectedHeader(token).kid);
      for (const each of [token, first]) {
        const response = await core.post("/api/token/validate", { token: each });
        if (!response.ok) problems.push(await response.text());
      }
      // Services know the first two keys, since these were published when they asked.
      if (kids.size <= 2) await verifier.verify(token).catch((error) => problems.push(`${error}`));
      rounds++;
    }
  };
  const workers = Array.from({ length: 4 }, work);
  const rotate = (authorization: string) => core.post("/api/keys/rotate", "", { authorization });
  for (let rotation = 1; rotation <= 3; rotation++) {
    const published = keys.published[1]?.kid;
    clock.advance(10);
    const response = await rotate(core.basicOf("helm"));
    assert.equal(response.status, 200);
    const { current } = (await response.json()) as { current: string };
    assert.equal(current, published, "it was in the JWKS before");
    const done = rounds;
    await waitFor(() => rounds > done + 8);
  }
  isOver = true;
  await Promise.all(workers);
  assert.deepEqual(problems, []);
  assert.equal(kids.size, 4);
  assert.equal((await rotate(core.basicOf("template"))).status, 403);
  assert.equal((await core.post("/api/keys/rotate", "")).status, 401);
  const forged = await rotate(`Bearer ${first}`);
  assert.equal(forged.status, 401);
});
