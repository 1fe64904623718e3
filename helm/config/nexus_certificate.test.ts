import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import test from "node:test";
import { makeCheckout, makeConfig, modeOf } from "../testing.ts";
import { certificateFiles, hasOpenssl, makeCertificate } from "./certificate.ts";
import type { MasterConfig } from "./master_config.ts";
import { nexusCertificateFolder, renewNexusCertificate } from "./nexus_certificate.ts";

const skip = (await hasOpenssl()) ? false : "no openssl on this machine";
const dayMs = 24 * 60 * 60 * 1000;

test("Nexus's certificate is made when it is missing, and then left alone", { skip }, async (t) => {
  const { checkout, config, certificate } = await start(t);
  assert.equal(await renewNexusCertificate(checkout, config), "there was none");
  const first = await certificate();
  assert.ok(first.checkHost("hive.example.org"));
  assert.equal(first.ca, false);
  assert.equal(await renewNexusCertificate(checkout, config), undefined);
  assert.equal((await certificate()).serialNumber, first.serialNumber);
});

test("it is made anew a month before its end", { skip }, async (t) => {
  const { checkout, config, certificate } = await start(t);
  await renewNexusCertificate(checkout, config);
  const { validTo, serialNumber } = await certificate();
  const end = new Date(validTo).getTime();
  assert.equal(await renewNexusCertificate(checkout, config, end - 31 * dayMs), undefined);
  assert.match(
    (await renewNexusCertificate(checkout, config, end - 29 * dayMs)) ?? "",
    /^it would end on \d{4}-\d\d-\d\d$/,
  );
  assert.notEqual((await certificate()).serialNumber, serialNumber);
});

test("it is made anew for another host name or public address", { skip }, async (t) => {
  const { checkout, config, certificate } = await start(t);
  await renewNexusCertificate(checkout, config);
  const renamed = withSystem(config, { hostname: "192.0.2.7" });
  assert.equal(await renewNexusCertificate(checkout, renamed), "it was not for 192.0.2.7");
  assert.ok((await certificate()).checkIP("192.0.2.7"));
  const published = withSystem(config, { public_url: "https://other.example.org" });
  await renewNexusCertificate(checkout, published);
  for (const name of ["hive.example.org", "other.example.org", "localhost"])
    assert.ok((await certificate()).checkHost(name), name);
});

test("a key that is missing or another's is mended, and R31: its owner's alone", {
  skip,
}, async (t) => {
  const { checkout, config, folder } = await start(t);
  const { keyFile } = certificateFiles(folder);
  await renewNexusCertificate(checkout, config);
  const key = await readFile(keyFile);
  await rm(keyFile);
  assert.match((await renewNexusCertificate(checkout, config)) ?? "", /key was missing/);
  await writeFile(keyFile, key);
  assert.match((await renewNexusCertificate(checkout, config)) ?? "", /key was missing/);
  assert.equal(await modeOf(keyFile), "600");
});

test("somebody's own certificate, or one that cannot be read, is not touched", {
  skip,
}, async (t) => {
  const { checkout, config, folder } = await start(t);
  const { certFile, keyFile } = certificateFiles(folder);
  await renewNexusCertificate(checkout, config);
  const own = { ...config.apps["nexus"], tls_cert_file: certFile, tls_key_file: keyFile };
  const apps = { ...config.apps, nexus: own } as MasterConfig["apps"];
  const renamed = withSystem(config, { hostname: "other.example.org" });
  assert.equal(await renewNexusCertificate(checkout, { ...renamed, apps }), undefined);
  const plain = { ...config.apps, nexus: { ...config.apps["nexus"], tls: false } };
  await rm(certFile);
  const withoutTls = { ...config, apps: plain as MasterConfig["apps"] };
  assert.equal(await renewNexusCertificate(checkout, withoutTls), undefined);
  await copyFile(import.meta.filename, certFile);
  assert.equal(await renewNexusCertificate(checkout, renamed), undefined);
});

test("what openssl refuses leaves no certificate behind", { skip }, async (t) => {
  const { folder } = await start(t);
  await assert.rejects(makeCertificate(folder, "a,b"), /openssl req says/);
  await assert.rejects(readFile(certificateFiles(folder).certFile), /ENOENT/);
});

async function start(t: Parameters<typeof makeCheckout>[0]) {
  const checkout = await makeCheckout(t);
  const secure = makeConfig({ nexus: { port: 443, tls: true } });
  const folder = nexusCertificateFolder(checkout);
  const { certFile } = certificateFiles(folder);
  return {
    checkout,
    folder,
    config: withSystem(secure, { hostname: "hive.example.org" }),
    certificate: async () => new X509Certificate(await readFile(certFile)),
  };
}

function withSystem(config: MasterConfig, system: Partial<MasterConfig["system"]>): MasterConfig {
  return { ...config, system: { ...config.system, ...system } };
}
