import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { SettingsError } from "@hivematrix/lib/settings";
import { createTestLog } from "@hivematrix/lib/testing";
import { calculateJwkThumbprint } from "jose";
import { loadKeySet } from "./signing_key.ts";

function createFiles(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-keys-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  return {
    privateKeyFile: join(folder, "instance", "keys", "jwt_private.pem"),
    publicKeyFile: join(folder, "instance", "keys", "jwt_public.pem"),
    log: createTestLog("core"),
  };
}

/** With a key in its place already: making one takes long. */
function createFilesWithKey(t: TestContext) {
  const files = createFiles(t);
  writeKey(files.privateKeyFile, goodPem);
  return files;
}

const load = (files: ReturnType<typeof createFiles>) => loadKeySet(files, files);
const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);

function writeKey(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
}

function makePem(type: "rsa" | "ec" | "rsa-pss", modulusLength = 2048): string {
  const pair =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync(type as "rsa", { modulusLength });
  return pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

const goodPem = makePem("rsa");

test("the first start makes a key pair, and the next one loads the same", async (t) => {
  const files = createFiles(t);
  const made = await load(files);
  const loaded = await load(files);
  assert.equal(loaded.signing.kid, made.signing.kid);
  assert.ok(loaded.signing.privateKey.equals(made.signing.privateKey));
  assert.ok((made.signing.privateKey.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048);
  assert.equal(files.log.lines.filter((line) => line.includes("made a new")).length, 1);
});

test("R31: the key files are 0600 in a folder that is 0700, and nothing else is left there", async (t) => {
  const files = createFiles(t);
  await load(files);
  assert.equal(modeOf(files.privateKeyFile), "600");
  assert.doesNotMatch(files.log.lines.join(""), /"warn"/, "it was never open to others");
  assert.equal(modeOf(files.publicKeyFile), "600");
  assert.equal(modeOf(dirname(files.privateKeyFile)), "700");
  const left = readdirSync(dirname(files.privateKeyFile)).sort();
  assert.deepEqual(left, ["jwt_private.pem", "jwt_public.pem"]);
});

test("the public key file holds the public half and nothing of the private one", async (t) => {
  const files = createFilesWithKey(t);
  const { signing } = await load(files);
  const pem = readFileSync(files.publicKeyFile, "utf8");
  assert.equal(pem, signing.publicKey.export({ type: "spki", format: "pem" }));
});

test("starts at once end with one key, in the file and in every memory", async (t) => {
  const files = createFiles(t);
  const sets = await Promise.all(Array.from({ length: 3 }, () => load(files)));
  const later = await load(files);
  for (const { signing } of sets) assert.equal(signing.kid, later.signing.kid);
});

test("the kid is the key's RFC 7638 thumbprint", async (t) => {
  const { signing } = await load(createFilesWithKey(t));
  assert.equal(signing.kid, await calculateJwkThumbprint(signing.jwk));
  assert.equal(Buffer.from(signing.kid, "base64url").length, 32);
});

test("a private key file that cannot be used is refused by name and left as it is", async (t) => {
  const broken = {
    empty: "",
    "no PEM": "not a key\n",
    "cut off": goodPem.slice(0, 600),
    "too short": makePem("rsa", 1024),
    "an elliptic key": makePem("ec"),
    "an RSA-PSS key": makePem("rsa-pss"),
  };
  for (const [name, text] of Object.entries(broken)) {
    const files = createFiles(t);
    writeKey(files.privateKeyFile, text);
    await assert.rejects(load(files), (error) => {
      assert.ok(error instanceof SettingsError, name);
      assert.ok(error.message.includes(files.privateKeyFile), `${name} names the file`);
      assert.ok(error.message.includes("backup"), `${name} names the remedy`);
      return true;
    });
    assert.equal(readFileSync(files.privateKeyFile, "utf8"), text, name);
    assert.ok(!existsSync(files.publicKeyFile), name);
  }
});

test("a place where no key can be written is refused by name", async (t) => {
  const files = createFiles(t);
  const blocked = dirname(dirname(files.privateKeyFile));
  writeFileSync(blocked, "a file where a folder should be");
  await assert.rejects(load(files), (error) => {
    assert.ok(error instanceof SettingsError);
    return error.message.includes(files.privateKeyFile);
  });
});

test("a public key file of another key is refused by name and left as it is", async (t) => {
  const files = createFilesWithKey(t);
  await load(files);
  const foreign = createPublicKey(makePem("rsa")).export({ type: "spki", format: "pem" });
  for (const text of [foreign, "", "broken"]) {
    writeFileSync(files.publicKeyFile, text);
    await assert.rejects(load(files), (error) => {
      assert.ok(error instanceof SettingsError);
      return error.message.includes(files.publicKeyFile);
    });
    assert.equal(readFileSync(files.publicKeyFile, "utf8"), text);
  }
});

test("a public key file that is gone is written anew", async (t) => {
  const files = createFilesWithKey(t);
  await load(files);
  const before = readFileSync(files.publicKeyFile, "utf8");
  rmSync(files.publicKeyFile);
  await load(files);
  assert.equal(readFileSync(files.publicKeyFile, "utf8"), before);
});

test("R31: a private key that others could read is closed to them, with a warning", async (t) => {
  const files = createFilesWithKey(t);
  await load(files);
  chmodSync(files.privateKeyFile, 0o644);
  await load(files);
  assert.equal(modeOf(files.privateKeyFile), "600");
  assert.match(files.log.lines.at(-1) ?? "", /"level":"warn".*"mode":"644"/);
});
