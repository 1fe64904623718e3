import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { makeCheckout, modeOf } from "../testing.ts";
import { hasOpenssl, makeCertificate } from "./certificate.ts";

const skip = (await hasOpenssl()) ? false : "no openssl on this machine";

test("a certificate is good for its host name and for loopback", { skip }, async (t) => {
  const folder = join((await makeCheckout(t)).root, "tls");
  await makeCertificate(folder, "hive.example.org");
  const certificate = new X509Certificate(await readFile(join(folder, "certificate.pem")));
  for (const name of ["hive.example.org", "localhost"])
    assert.ok(certificate.checkHost(name), name);
  for (const address of ["127.0.0.1", "::1"]) assert.ok(certificate.checkIP(address), address);
  assert.equal(certificate.checkHost("example.org"), undefined);
  const key = createPrivateKey(await readFile(join(folder, "key.pem")));
  assert.ok(certificate.checkPrivateKey(key));
});

test("R31: the certificate's key is its owner's alone", { skip }, async (t) => {
  const folder = join((await makeCheckout(t)).root, "tls");
  await makeCertificate(folder, "192.0.2.7");
  assert.equal(await modeOf(join(folder, "key.pem")), "600");
  assert.equal(await modeOf(folder), "700");
  const certificate = new X509Certificate(await readFile(join(folder, "certificate.pem")));
  assert.ok(certificate.checkIP("192.0.2.7"));
});

test("what openssl refuses is passed on", { skip }, async (t) => {
  const folder = join((await makeCheckout(t)).root, "tls");
  await assert.rejects(
    makeCertificate(folder, "a,b"),
    /Cannot make a certificate: openssl req says/,
  );
});
