// Whatever stands in the settings, a service in Python reads the same from its files as one of ours; or
// the setting is refused before anything is written.
import assert from "node:assert/strict";
import test from "node:test";
import { parseConf } from "@hivematrix/lib/conf_file";
import { parseEnv } from "@hivematrix/lib/env_file";
import { startPython, withoutPython } from "@hivematrix/lib/python_testing";
import fc from "fast-check";
import { makeConfig } from "../testing.ts";
import { appConf, appEnv, appFlaskEnv } from "./app_files.ts";
import { createCheckout } from "./checkout.ts";
import { appFiles } from "./generated_files.ts";
import {
  type AppConfig,
  type MasterConfig,
  MasterConfigError,
  requireValid,
} from "./master_config.ts";

const readers = `import configparser, dotenv, io
def conf(text):
    parser = configparser.RawConfigParser()
    parser.read_file(io.StringIO(text))
    return {name: dict(parser.items(name)) for name in parser.sections()}
def env(text):
    return dict(dotenv.dotenv_values(stream=io.StringIO(text)))
def read(texts):
    return [conf(text) if kind == "conf" else env(text) for kind, text in texts]`;

const checkout = createCheckout("/hive");
const base = makeConfig();

/** Characters that mean something to one of the formats, in any mixture, and any others. */
const odd = fc.constantFrom(..."%'\"`=#;:\\$ \t\n[]{}a\u00e9\u0085\u2028🐝");
const value = fc.oneof(
  fc.string({ unit: odd, maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const settings = fc.record({ issuer: value, client: value, password: value, own: value });

test("odd values are read the same by our code, RawConfigParser and python-dotenv, or refused", {
  skip: withoutPython("dotenv"),
}, async (t) => {
  const ask = startPython(t, readers, "read(value)");
  let carried = 0;
  let refused = 0;
  const property = fc.asyncProperty(settings, async (typed) => {
    const config = withValues(typed);
    try {
      requireValid(checkout, config);
    } catch (error) {
      assert.ok(error instanceof MasterConfigError);
      assert.match(
        error.message,
        /jwt_issuer|client_id|db_password|sections\.own|cannot carry it/i,
      );
      refused++;
      return;
    }
    carried++;
    const files = appFiles(checkout, config, "codex");
    const texts = files.map(({ kind, text }) => [kind, text(undefined) ?? ""] as const);
    const folder = checkout.appFolder("codex");
    const expected = [
      appEnv(config, "codex", folder),
      appFlaskEnv(config, "codex", folder),
      appConf(config, "codex"),
    ];
    assert.deepEqual(texts.map(readAsWeDo), expected);
    assert.deepEqual(await ask(texts), expected);
  });
  await fc.assert(property, { numRuns: 300 });
  assert.ok(carried > 50 && refused > 50, `${carried} carried, ${refused} refused`);
});

test("what people put into passwords and names is carried", {
  skip: withoutPython("dotenv"),
}, async (t) => {
  const ask = startPython(t, readers, "read(value)");
  for (const typed of [
    { password: `p%(a)s%%"'=#;`, issuer: `hive "core" = #1;%` },
    { issuer: "  core  ", client: "\tclient " },
    { own: "one\n\ntwo = 2" },
    { own: "" },
    { issuer: "C:\\new\\é\\蜂", own: "\\n \\\\" },
  ]) {
    const config = requireValid(checkout, withValues(typed));
    const texts = appFiles(checkout, config, "codex").map(
      ({ kind, text }) => [kind, text(undefined) ?? ""] as const,
    );
    const theirs = (await ask(texts)) as Record<string, unknown>[];
    assert.deepEqual(theirs, texts.map(readAsWeDo));
    const [env, , conf] = theirs as [Record<string, string>, unknown, Record<string, object>];
    assert.equal(env["JWT_ISSUER"], typed.issuer ?? "core");
    assert.deepEqual(conf["own"], { key: typed.own ?? "" });
  }
});

function withValues(typed: Partial<Record<"issuer" | "client" | "password" | "own", string>>) {
  const { issuer = "core", client = "core-client", password = "p", own = "" } = typed;
  const codex = {
    ...(base.apps["template"] as AppConfig),
    port: 25_060,
    runtime: "python",
    db_password: password,
    sections: { own: { key: own } },
  };
  return {
    ...base,
    system: { ...base.system, jwt_issuer: issuer },
    keycloak: { ...base.keycloak, client_id: client },
    apps: { ...base.apps, codex },
  } as MasterConfig;
}

function readAsWeDo([kind, text]: readonly [string, string]): unknown {
  if (kind !== "conf") return parseEnv(text);
  const sections = [...parseConf(text)].map(([name, values]) => [name, Object.fromEntries(values)]);
  return Object.fromEntries(sections);
}
