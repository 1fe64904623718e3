import assert from "node:assert/strict";
import test from "node:test";
import { makeConfig } from "../testing.ts";
import { getValue, maskSecrets, parseValue, setValue, unsetValue } from "./config_values.ts";

test("a value is found by its dotted key, what nobody set is undefined", () => {
  const config = makeConfig();
  assert.equal(getValue(config, "apps.core.port"), 25_000);
  assert.equal(getValue(config, "apps.core.port.more"), undefined);
  assert.equal(getValue(config, "constructor.name"), undefined);
});

test("setting and unsetting leave the original alone and every other key as it was", () => {
  const config = makeConfig();
  const changed = setValue(config, "apps.core.sections.smtp.host", "mail.example.org");
  assert.equal(getValue(changed, "apps.core.sections.smtp.host"), "mail.example.org");
  assert.equal(getValue(config, "apps.core.sections"), undefined);
  assert.deepEqual(unsetValue(changed, "apps.core.sections"), config);
});

test("a key that leads through a value, or to a prototype, is refused", () => {
  const config = makeConfig();
  assert.throws(() => setValue(config, "system.hostname.x", 1), /system\.hostname is a value/);
  assert.throws(() => setValue(config, "__proto__.x", 1), /Cannot use "__proto__\.x" as a key/);
  assert.throws(() => setValue(config, "apps..x", 1), /write it like apps\.core\.port/);
  assert.throws(
    () => unsetValue(config, "apps.nobody"),
    /Cannot unset apps\.nobody: it is not set/,
  );
  assert.equal(Object.hasOwn(Object.prototype, "x"), false);
});

test("R31: a shown configuration holds none of its secrets", () => {
  const config = makeConfig({ environment: "production", adminPassword: "correct horse battery" });
  const shown = JSON.stringify(maskSecrets(config));
  const secrets = JSON.stringify(config).match(/[\w-]{43}|correct horse battery/g) ?? [];
  assert.ok(secrets.length > 10);
  assert.deepEqual(
    secrets.filter((secret) => shown.includes(secret)),
    [],
  );
  assert.match(shown, /"hostname":"localhost"/);
  assert.match(shown, /"jwt_issuer":"hivematrix.core"/);
});

test("what an app keeps in its own sections is masked too", () => {
  const config = setValue(makeConfig(), "apps.template.sections.smtp.login", "ada");
  assert.doesNotMatch(JSON.stringify(maskSecrets(config)), /"ada"/);
});

test("a typed value is JSON where it is JSON, and stays a text where it was one", () => {
  assert.equal(parseValue("5001", 5000), 5001);
  assert.equal(parseValue("true", undefined), true);
  assert.equal(parseValue("example.org", undefined), "example.org");
  assert.equal(parseValue("12345", "a password"), "12345");
  assert.deepEqual(parseValue('["admin"]', undefined), ["admin"]);
});
