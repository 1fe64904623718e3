import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { deriveCookieKey, loadSigningKey } from "./signing_keys.ts";

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-keys-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  return folder;
}

test("the signing key is made once and stays the same", async (t) => {
  const folder = join(makeFolder(t), "instance");
  const made = await loadSigningKey(folder);
  assert.equal(made.kty, "RSA");
  assert.equal(Buffer.from(made.n ?? "", "base64url").length, 256);
  assert.deepEqual(await loadSigningKey(folder), made);
});

test("starts at the same moment end with one key", async (t) => {
  const folder = makeFolder(t);
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadSigningKey(folder)));
  assert.equal(new Set(keys.map(({ n }) => n)).size, 1);
  assert.deepEqual(readdirSync(folder), ["signing_key.pem"]);
});

test("R31: only the owner may read the signing key, also when the file was opened up", async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, "signing_key.pem");
  await loadSigningKey(folder);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  chmodSync(file, 0o644);
  await loadSigningKey(folder);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("a file that holds no usable key stops the start and is left as it is", async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, "signing_key.pem");
  writeFileSync(file, "not a key");
  await assert.rejects(loadSigningKey(folder), {
    name: "SigningKeyError",
    message: /^Cannot start keycloak: instance\/signing_key\.pem holds no private key; .*delete it/,
  });
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const weak = privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(file, weak);
  await assert.rejects(loadSigningKey(folder), /at least 2048 bits/);
});

test("the cookie key follows from the secret key and does not show it", () => {
  assert.equal(deriveCookieKey("one"), deriveCookieKey("one"));
  assert.notEqual(deriveCookieKey("one"), deriveCookieKey("two"));
  assert.equal(Buffer.from(deriveCookieKey("one"), "base64url").length, 32);
});
