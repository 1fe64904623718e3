import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import { pinnedKeycloak } from "../keycloak_version.ts";
import { type DistributionRequest, ensureDistribution, ensureRelease } from "./distribution.ts";
import { askedOf, makeArchive, makeJava, makeTestFolder } from "./distribution_testing.ts";
import { readReleaseRecord, writeReleaseRecord } from "./release_record.ts";

/** An installation without Maven and without a network, unless a test says otherwise. */
function makeRequest(scope: TestScope, more: Partial<DistributionRequest> = {}, build?: string) {
  const root = makeTestFolder(scope);
  const javaFolder = join(root, "java");
  const told: string[] = [];
  const request: DistributionRequest = {
    folder: join(root, "keycloak"),
    java: { program: makeJava(javaFolder, "17.0.1", build), version: 17 },
    tell: (progress) => told.push(progress),
    env: { PATH: root, HOME: root, MAVEN_REPO: join(root, "maven") },
    releaseUrl: () => "http://127.0.0.1:9/keycloak.tar.gz",
    ...more,
  };
  return { root, javaFolder, told, request };
}

test("a configured archive is checked, unpacked and built once, and remembered", async (t) => {
  const { root, javaFolder, told, request } = makeRequest(t);
  const { file, sha256 } = makeArchive(root, "26.1.2");
  const home = await ensureDistribution({ ...request, source: file, sha256 });
  assert.equal(home, join(request.folder, "26.1.2"));
  assert.equal(readFileSync(join(home, "lib", "quarkus-run.jar"), "utf8"), "26.1.2");
  assert.match(askedOf(javaFolder).join("\n"), /^[^\n]* build --db=postgres [^\n]*$/);
  const steps = told.slice(-2);
  assert.deepEqual(steps, ["unpacking Keycloak 26.1.2", "building Keycloak 26.1.2"]);
  const record = await readReleaseRecord(request.folder);
  assert.deepEqual(record, { current: { version: "26.1.2", sha256 } });

  assert.equal(await ensureDistribution({ ...request, source: file, sha256 }), home);
  assert.equal(askedOf(javaFolder).length, 1, "it was built again");
  const left = readdirSync(request.folder).sort();
  assert.deepEqual(left, ["26.1.2", "release.json"]);
});

test("an archive with another checksum is refused, both named", async (t) => {
  const { root, request } = makeRequest(t);
  const { file, sha256 } = makeArchive(root, "26.1.2");
  const attempt = ensureDistribution({ ...request, source: file });
  await assert.rejects(attempt, (error: Error) => {
    assert.match(error.message, new RegExp(`${sha256} instead of ${pinnedKeycloak.sha256}`));
    assert.match(error.message, /helm config set keycloak\.archive_sha256/);
    return true;
  });
  assert.ok(!existsSync(join(request.folder, "release.json")));
});

test("an archive from an address is fetched with its progress, and not kept", async (t) => {
  const { root, told, request } = makeRequest(t);
  const { file, sha256 } = makeArchive(root, "26.1.2");
  const server = createServer((_request, response) => {
    const body = readFileSync(file);
    response.writeHead(200, { "content-length": body.length }).end(body);
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/k.tar.gz`;
  await ensureDistribution({ ...request, source, sha256 });
  assert.ok(
    told.some((line) => /^downloading Keycloak .* \(100 %\)$/.test(line)),
    told.join("; "),
  );
  assert.deepEqual(readdirSync(request.folder).sort(), ["26.1.2", "release.json"]);
});

test("what was downloaded wrongly is not kept, and the message says what came", async (t) => {
  const server = createServer((_request, response) => response.end("a login page")).listen(0);
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/k.tar.gz`;
  const { request } = makeRequest(t, { source });
  await assert.rejects(ensureDistribution(request), {
    message: /its SHA-256 is [0-9a-f]{64} inst/,
  });
  assert.deepEqual(readdirSync(request.folder), []);
});

test("without a way to the archive the message says how to give Helm one", async (t) => {
  const { request } = makeRequest(t);
  const release = { version: "26.1.2", sha256: "0".repeat(64) };
  await assert.rejects(ensureRelease(request, release), {
    message: /Cannot download .*127\.0\.0\.1:9.*"helm config set keycloak\.archive <file>"/,
  });
});

test("Maven's local repository is looked into before anything is fetched", async (t) => {
  const { root, request } = makeRequest(t);
  const { file, sha256 } = makeArchive(root, "26.1.2");
  const place = join(root, "maven/org/keycloak/keycloak-quarkus-dist/26.1.2");
  mkdirSync(place, { recursive: true });
  const name = "keycloak-quarkus-dist-26.1.2.tar.gz";
  writeFileSync(join(place, name), readFileSync(file));
  await ensureRelease(request, { version: "26.1.2", sha256 });
  assert.ok(existsSync(join(place, name)), "Maven's own file was removed");
});

test("a build that fails leaves nothing behind, and the next attempt succeeds", async (t) => {
  const { root, javaFolder, request } = makeRequest(t, {}, "echo 'no space left' >&2; exit 1");
  const { file, sha256 } = makeArchive(root, "26.1.2");
  const wanted = { ...request, source: file, sha256 };
  await assert.rejects(ensureDistribution(wanted), { message: /build Keycloak: no space left/ });
  assert.deepEqual(readdirSync(request.folder), []);
  makeJava(javaFolder, "17.0.1");
  await ensureDistribution(wanted);
});

test("what an attempt that was killed has left is removed by the next one", async (t) => {
  const { root, request } = makeRequest(t);
  const { file, sha256 } = makeArchive(root, "26.1.2");
  // No process has this number: Linux gives none above 2^22.
  const left = join(request.folder, "26.1.2.making-99999999");
  mkdirSync(join(left, "lib"), { recursive: true });
  await ensureDistribution({ ...request, source: file, sha256 });
  assert.ok(!existsSync(left));
});

test("an installation stays with its release when the pinned one has moved on", async (t) => {
  const { root, request } = makeRequest(t);
  const { file, sha256 } = makeArchive(root, "26.1.2");
  await writeReleaseRecord(request.folder, { current: { version: "26.1.2", sha256 } });
  const home = await ensureDistribution({ ...request, source: file });
  assert.equal(home, join(request.folder, "26.1.2"));
});

test("an archive that holds another release than the one wanted is refused", async (t) => {
  const { root, request } = makeRequest(t);
  const { file, sha256 } = makeArchive(root, "26.1.2");
  const attempt = ensureRelease({ ...request, source: file }, { version: "26.9.9", sha256 });
  await assert.rejects(attempt, { message: /it holds Keycloak 26\.1\.2, not 26\.9\.9/ });
});

test("a file that is no distribution of Keycloak is refused", async (t) => {
  const { root, request } = makeRequest(t);
  const file = join(root, "other.tar.gz");
  writeFileSync(file, "x");
  const sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
  await assert.rejects(ensureDistribution({ ...request, source: file, sha256 }), {
    message: /no tar\.gz of Keycloak's distribution/,
  });
});
