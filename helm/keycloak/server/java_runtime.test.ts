import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { makeJava, makeTestFolder } from "./distribution_testing.ts";
import { findJava, JavaMissingError, parseJavaVersion } from "./java_runtime.ts";

test("the version of a Java is read as each of them says it", () => {
  assert.equal(parseJavaVersion('openjdk version "17.0.15" 2025-04-15'), 17);
  assert.equal(parseJavaVersion('java version "1.8.0_392"'), 8);
  assert.equal(parseJavaVersion('openjdk version "25-ea" 2025-09-16'), 25);
  assert.equal(parseJavaVersion("java: command not found"), undefined);
});

test("the Java of JAVA_HOME comes before that of PATH", async (t) => {
  const folder = makeTestFolder(t);
  const program = makeJava(join(folder, "home", "bin"), "21.0.1");
  makeJava(join(folder, "path"), "17.0.1");
  const env = { JAVA_HOME: join(folder, "home"), PATH: join(folder, "path") };
  assert.deepEqual(await findJava(env), { program, version: 21 });
});

test("a Java that is too old is passed over for a newer one further on in PATH", async (t) => {
  const folder = makeTestFolder(t);
  makeJava(join(folder, "old"), "11.0.2");
  const program = makeJava(join(folder, "new"), "17.0.1");
  const env = { PATH: `${join(folder, "old")}:${join(folder, "new")}` };
  assert.deepEqual(await findJava(env), { program, version: 17 });
});

test("without a Java the message says what to install", async (t) => {
  const folder = makeTestFolder(t);
  await assert.rejects(findJava({ PATH: folder }), (error: Error) => {
    assert.ok(error instanceof JavaMissingError);
    assert.match(error.message, /needs Java 17 or newer, and there is none .*openjdk-17-jre/);
    return true;
  });
});

test("a Java that is too old is named with its version", async (t) => {
  const folder = makeTestFolder(t);
  const program = makeJava(folder, "1.8.0_392");
  await assert.rejects(findJava({ PATH: folder }), { message: new RegExp(`${program} is 8`) });
});
