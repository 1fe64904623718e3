import assert from "node:assert/strict";
import test from "node:test";
import { makeConfig } from "../testing.ts";
import { editValue } from "./config_edit.ts";
import { getValue } from "./config_values.ts";

const config = makeConfig();

for (const [key, message] of [
  ["system.loglevel", 'there is no such setting; did you mean "system.log_level"?'],
  ["sytem.log_level", 'there is no such setting; did you mean "system.log_level"?'],
  ["apps.tempalte.port", 'there is no app "tempalte"; did you mean "template"?'],
  ["apps.core.prot", /no such setting; did you mean .*"apps\.core\.port"/],
  ["anything.at.all.of.mine", "there is no such setting"],
] as const) {
  test(`a key that Helm does not know is refused with what may have been meant: ${key}`, () => {
    const expected = typeof message === "string" ? `Cannot set ${key}: ${message}` : message;
    assert.throws(() => editValue(config, key, "1"), { message: expected });
  });
}

test("a key of one's own is taken where somebody says so, and where it is one by its place", () => {
  const own = editValue(config, "system.motto", "hive", { isOwnKey: true });
  assert.equal(getValue(own, "system.motto"), "hive");
  assert.equal(getValue(editValue(own, "system.motto", "mind"), "system.motto"), "mind");
  for (const key of ["databases.neo4j.uri", "apps.template.sections.smtp.host"]) {
    assert.equal(getValue(editValue(config, key, "x"), key), "x");
  }
});
