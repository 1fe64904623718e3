import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Conf, parseConf, updateConf } from "./conf_file.ts";
import { startPython, withoutPython } from "./python_testing.ts";

const asObject = (conf: Conf) =>
  Object.fromEntries([...conf].map(([name, options]) => [name, Object.fromEntries(options)]));
const read = (text: string) => asObject(parseConf(text));

const rawConfigParser = `import configparser, io
def read(text):
    conf = configparser.RawConfigParser()
    try:
        conf.read_file(io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
    except configparser.Error as error:
        return type(error).__name__
    return {name: dict(conf.items(name)) for name in conf.sections()}
`;

/** Characters that mean something in the format, or are white space for one language only. */
const oddCharacter = fc.constantFrom(
  ..."[]=:#;%\"'\\$` \t\nA\u00e9\u0085\u2028\ufeff\u001c\u3000🐝",
);
const value = fc.string({
  unit: fc.oneof(oddCharacter, fc.string({ unit: "binary", minLength: 1, maxLength: 1 })),
  maxLength: 12,
});
const line = fc.oneof(
  fc.constantFrom(
    "[a]",
    "[b]",
    " [a]",
    "[DEFAULT]",
    "[a]b] x",
    "[]",
    "",
    "  ",
    "# note",
    "\t; note",
  ),
  fc.constantFrom(
    "key = 1",
    "k=1",
    "Key: 2",
    "  key=",
    "other = a = b",
    "   deeper",
    "\tnext",
    "= 3",
    "no",
  ),
  value,
);
const file = fc
  .tuple(fc.array(line, { maxLength: 10 }), fc.constantFrom("\n", "\r\n", "\r"))
  .map(([lines, end]) => lines.join(end));

test("options are read by section, with names in lower case and values as they stand", () => {
  const text = `# by hand
[database]
connection_string = postgresql://u:p%40%25#;'"=:@localhost/d
DB_Host: localhost
empty =

[mail]
text = first
   second

   third
   # not part of it
   fourth
`;
  assert.deepEqual(read(text), {
    database: {
      connection_string: `postgresql://u:p%40%25#;'"=:@localhost/d`,
      db_host: "localhost",
      empty: "",
    },
    mail: { text: "first\nsecond\n\nthird\nfourth" },
  });
});

test("indented options are options, and only deeper lines continue one", () => {
  assert.deepEqual(read("[a]\n  x = 1\n  y = 2\n    more\n"), { a: { x: "1", y: "2\nmore" } });
});

test("[DEFAULT] hands its options down to every section", () => {
  const text = "[a]\nx = own\n[DEFAULT]\nx = given\ny = given\n";
  assert.deepEqual(read(text), { a: { x: "own", y: "given" } });
});

for (const [text, message] of [
  ["x = 1", "line 1 is neither [section] nor key = value"],
  ["[a]\n\nx\n", "line 3 is neither [section] nor key = value"],
  ["[a]\n= 1\n", "line 2 is neither [section] nor key = value"],
  ["[a]\nx = 1\nX = 2\n", "line 3 has the option x again"],
  ["[a]\n[b]\n[a]\n", "line 3 has the section [a] again"],
] as const) {
  test(`a broken file is refused: ${message} in ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseConf(text), { name: "SyntaxError", message });
  });
}

test("Python's RawConfigParser reads every file as we do", { skip: withoutPython() }, async (t) => {
  const ask = startPython(t, rawConfigParser, "read(value)");
  const readOrRefuse = (text: string) => {
    try {
      return read(text);
    } catch (error) {
      assert(error instanceof SyntaxError);
      return "refused";
    }
  };
  const property = fc.asyncProperty(file, async (text) => {
    const theirs = await ask(text);
    assert.deepEqual(readOrRefuse(text), typeof theirs === "string" ? "refused" : theirs);
  });
  await fc.assert(property, { numRuns: 1000 });
});

test("written values read back the same, here and in Python", {
  skip: withoutPython(),
}, async (t) => {
  const ask = startPython(t, rawConfigParser, "read(value)");
  let carried = 0;
  const names = fc.string({ unit: oddCharacter, minLength: 1, maxLength: 3 });
  const options = fc.dictionary(fc.oneof(fc.constant("password"), names), value, { maxKeys: 3 });
  const sections = fc.dictionary(fc.oneof(fc.constant("database"), names), options, { maxKeys: 3 });
  const property = fc.asyncProperty(sections, file, async (written, before) => {
    let text: string;
    try {
      text = updateConf("", written);
    } catch (error) {
      assert(error instanceof RangeError);
      fc.pre(false);
      return;
    }
    carried++;
    const expected = foldNames(written);
    assert.deepEqual(read(text), expected);
    assert.deepEqual(await ask(text), expected);
    // In a file that others write to as well, ours are the same.
    const updated = updateConf(before, written);
    assert.equal(updateConf(updated, written), updated);
    const theirs = await ask(updated);
    if (typeof theirs === "string" || before.includes("[DEFAULT]")) return;
    for (const [name, own] of Object.entries(expected)) {
      assert.deepEqual((theirs as Record<string, unknown>)[name], own);
    }
  });
  await fc.assert(property, { numRuns: 500 });
  assert(carried >= 500);
});

test("what others wrote is read the same after our sections were replaced", () => {
  fc.assert(
    fc.property(file, (before) => {
      let theirs: ReturnType<typeof read>;
      try {
        theirs = read(before);
      } catch {
        fc.pre(false);
        return;
      }
      const after = read(updateConf(before, { a: { key: "ours" } }));
      const { a: _theirs, ...expected } = theirs;
      const { a: ours, ...kept } = after;
      assert.deepEqual(kept, expected);
      assert.equal(ours?.["key"], "ours");
    }),
    { numRuns: 1000 },
  );
});

test("an update keeps comments, order and other sections byte for byte", () => {
  const before = `# This file is mixed: Helm writes [database], we write the rest.

[mail]
; ask Grace before you change it
Host   =   mail.example.org

[database]
# the machine in the cellar
db_host = old
# about what goes
db_name = notes

# About the section below.
[reports]
title = a
\tb`;
  const after = `# This file is mixed: Helm writes [database], we write the rest.

[mail]
; ask Grace before you change it
Host   =   mail.example.org

[database]
# the machine in the cellar
db_host = new
# about what goes

# About the section below.
[reports]
title = a
\tb

[service_secrets]
codex = sha256:00
`;
  const sections = { database: { db_host: "new" }, service_secrets: { codex: "sha256:00" } };
  assert.equal(updateConf(before, sections), after);
  assert.equal(updateConf(after, sections), after, "a second time changes nothing");
});

test("sections whose values begin with # or [ are kept and replaced whole", () => {
  const before = "[colours]\nred = #f00\nlist = [1, 2]\n\t[3]\n\n[own]\ncode = [x]\n";
  const after = updateConf(before, { colours: { red: "#e00", list: "[4]\n[5]" } });
  assert.equal(after, "[colours]\nred = #e00\nlist = [4]\n\t[5]\n\n[own]\ncode = [x]\n");
  assert.deepEqual(read(after), {
    colours: { red: "#e00", list: "[4]\n[5]" },
    own: { code: "[x]" },
  });
});

test("a section that is wanted no more goes, with its options and without its comments", () => {
  const before = "[mail]\n# ask Grace\nhost = a\n\n# theirs\n[own]\nx = 1\n";
  const after = updateConf(before, { database: { db_host: "b" } }, ["mail"]);
  assert.equal(after, "# ask Grace\n\n# theirs\n[own]\nx = 1\n\n[database]\ndb_host = b\n");
});

test("an indented section after one of ours stays a section", () => {
  const before = "  [a]\n  x = 1\n  [b]\n  y = 2\n  [c]\n  z = 3\n";
  const after = updateConf(before, { a: { x: "2" } });
  assert.equal(after, "[a]\nx = 2\n[b]\n  y = 2\n  [c]\n  z = 3\n");
  assert.deepEqual(read(after), { a: { x: "2" }, b: { y: "2" }, c: { z: "3" } });
});

test("a broken line of somebody else is kept, one of ours is mended", () => {
  assert.equal(
    updateConf("[a]\nbroken\n[b]\nbroken\n", { a: { x: "1" } }),
    "[a]\nx = 1\n[b]\nbroken\n",
  );
});

for (const [what, sections] of [
  ["a carriage return", { a: { key: "x\ry" } }],
  ["white space at an end", { a: { key: " x" } }],
  ["white space that only Python strips", { a: { key: "x\u0085" } }],
  ["white space at the end of an inner line", { a: { key: "x \ny" } }],
  ["a line that would be a comment", { a: { key: "x\n#y" } }],
  ["half a character", { a: { key: "\ud800" } }],
  ["an option that would be a section", { a: { "[key": "x]" } }],
  ["an option that would be another option", { a: { "x = 1\nkey": "" } }],
  ["options that differ in case alone", { a: { KEY: "x", key: "y" } }],
  ["an option without a name", { a: { "": "x" } }],
  ["a section of several lines", { "a]\n[b": { key: "x" } }],
  ["[DEFAULT], which would reach into all sections", { DEFAULT: { key: "x" } }],
] as const) {
  test(`what the format cannot carry is refused: ${what}`, () => {
    const message = /^Cannot write \[/;
    assert.throws(() => updateConf("", sections), { name: "RangeError", message });
  });
}

function foldNames(sections: Record<string, Record<string, string>>) {
  const folded = Object.entries(sections).map(([name, options]) => [
    name,
    Object.fromEntries(Object.entries(options).map(([key, text]) => [key.toLowerCase(), text])),
  ]);
  return Object.fromEntries(folded);
}
