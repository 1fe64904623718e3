import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readPort, readSettings, readWholeNumber } from "./settings.ts";

/** A service's folder with the given files. */
function makeFolder(t: TestContext, files: { env?: string; conf?: string } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-settings-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  mkdirSync(join(folder, "instance"));
  if (files.env !== undefined) writeFileSync(join(folder, ".env"), files.env);
  if (files.conf !== undefined) writeFileSync(join(folder, "instance", "codex.conf"), files.conf);
  return folder;
}

test("the environment comes first, then .env", (t) => {
  const folder = makeFolder(t, { env: "PORT=1\nREALM=file\n" });
  const environment = { PORT: "2", UNASKED: "x" };
  const settings = readSettings("codex", folder, ["PORT", "REALM"], ["MISSING"], environment);
  assert.deepEqual(settings, { PORT: "2", REALM: "file" });
});

test("another service's environment is not taken for our own", (t) => {
  const folder = makeFolder(t, { env: "PORT=1\n" });
  const environment = (name: string) => ({ PORT: "2", SERVICE_NAME: name });
  assert.equal(readSettings("codex", folder, ["PORT"], [], environment("codex")).PORT, "2");
  assert.equal(readSettings("codex", folder, ["PORT"], [], environment("ledger")).PORT, "1");
});

test("names with a dot come from the .conf file, in lower case as it keeps them", (t) => {
  const conf = "[database]\nConnection_String = postgresql://u:%40#'\"@h/d\npool.size = 5\n";
  const folder = makeFolder(t, { conf });
  const names = ["database.connection_string", "database.pool.size"] as const;
  const settings = readSettings("codex", folder, names, ["database.nothing", "mail.host"], {});
  assert.deepEqual(settings, {
    "database.connection_string": "postgresql://u:%40#'\"@h/d",
    "database.pool.size": "5",
  });
  const asWritten = readSettings("codex", folder, ["database.Connection_String"], [], {});
  assert.equal(asWritten["database.Connection_String"], "postgresql://u:%40#'\"@h/d");
});

for (const [key, files, message] of [
  ["PORT", {}, 'PORT is missing in codex/.env, run "helm config sync-all"'],
  ["PORT", { env: "PORT=\n" }, 'PORT is missing in codex/.env, run "helm config sync-all"'],
  [
    "database.db_name",
    { conf: "[mail]\ndb_name = x\n" },
    'database.db_name is missing in codex/instance/codex.conf, run "helm config sync-all"',
  ],
] as const) {
  test(`a missing setting stops the start: ${key} with ${JSON.stringify(files)}`, (t) => {
    const folder = makeFolder(t, files);
    assert.throws(
      () => readSettings("codex", folder, [key], [], {}),
      (error: Error) => {
        assert.equal(error.name, "SettingsError");
        assert("isExpected" in error && error.isExpected);
        assert.equal(error.message, `Cannot start codex: ${message}`);
        return true;
      },
    );
  });
}

for (const [name, files, place, reason] of [
  [".env", { env: "PORT=1\nnonsense secret\n" }, "/.env", "line 2 is not KEY=value"],
  [
    ".conf",
    { conf: "[database]\nsecret\n" },
    "/instance/codex.conf",
    "line 2 is neither [section] nor key = value",
  ],
] as const) {
  test(`a broken ${name} is named with its line and the way to mend it, not with its content`, (t) => {
    const folder = makeFolder(t, files);
    assert.throws(
      () => readSettings("codex", folder, [], [], {}),
      (error: Error) => {
        assert.equal(error.name, "SettingsError");
        assert(error.message.startsWith("Cannot start codex: "));
        assert(error.message.includes(`${place} cannot be read (${reason}); mend it`));
        assert.match(error.message, /run "helm config sync-all"$/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });
}

test("a .env that is a folder is named as well", (t) => {
  const folder = makeFolder(t);
  mkdirSync(join(folder, ".env"));
  assert.throws(() => readSettings("codex", folder, [], [], {}), /\.env cannot be read \(EISDIR/);
});

test("a port is a whole number up to 65535", () => {
  assert.equal(readPort("codex", "0"), 0);
  assert.equal(readPort("codex", "65535"), 65535);
  for (const value of ["65536", "-1", "8e3", "80.5", "0x50", "", " 80", "80 ", "٣"]) {
    assert.throws(() => readPort("codex", value), {
      name: "SettingsError",
      message: `Cannot start codex: PORT is "${value}", which is no whole number from 0 to 65535; mend it with "helm config set" and run "helm config sync-all"`,
    });
  }
});

test("a whole number keeps within its bounds", () => {
  const read = (value: string) =>
    readWholeNumber("codex", "IDLE_MINUTES", value, { least: 1, most: 9 });
  assert.deepEqual([read("1"), read("9")], [1, 9]);
  assert.throws(() => read("0"), /IDLE_MINUTES is "0".*from 1 to 9/);
  assert.throws(() => read("10"), /IDLE_MINUTES is "10"/);
  assert.throws(() => readWholeNumber("codex", "N", "9007199254740993"), /N is "9007199254740993"/);
});
