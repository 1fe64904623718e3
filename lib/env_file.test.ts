import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEnv as parseEnvAsNode } from "node:util";
import fc from "fast-check";
import { formatEnv, parseEnv } from "./env_file.ts";
import { startPython, withoutPython } from "./python_testing.ts";

const oddCharacter = fc.constantFrom(..."'\"`\\$#=; \t\n{}%A\u00e9\u0085\u2028\ufeff\u001c🐝");
const value = fc.oneof(
  fc.string({ unit: oddCharacter, maxLength: 6 }),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const key = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,3}$/);
const variables = fc.dictionary(key, value, { maxKeys: 4 });

test("bare, single-quoted and double-quoted values are read, with comments and export", () => {
  const text = `# settings
export A=plain # comment
B=pass#word 
C = 'as $it \\n stands' # comment
D="two\\nlines\\r \\"quoted\\" \\$5 \\\\ \\x"
E=
F= # nothing
G=a\u2028b
H=' kept '
I=''
J=""#
`;
  assert.deepEqual(parseEnv(text), {
    A: "plain",
    B: "pass#word",
    C: "as $it \\n stands",
    D: 'two\nlines\r "quoted" $5 \\ \\x',
    E: "",
    F: "",
    G: "a\u2028b",
    H: " kept ",
    I: "",
    J: "",
  });
});

test("a quoted value may go over several lines, whatever ends them", () => {
  assert.deepEqual(parseEnv("A='one \r\n# two'\r\nB=\"three\n\nfour\"\nC=5"), {
    A: "one \n# two",
    B: "three\n\nfour",
    C: "5",
  });
});

test("of two lines with one key the last counts, and __proto__ is a key like others", () => {
  const values = parseEnv("A=1\nA=2\n__proto__=3");
  assert.deepEqual(Object.entries(values), [
    ["A", "2"],
    ["__proto__", "3"],
  ]);
});

for (const [text, message] of [
  ["A=1\nno setting", "line 2 is not KEY=value"],
  ["\n1A=1", "line 2 is not KEY=value"],
  ["A='1\nB=2", "line 1 has an opening ' without its end"],
  ['A="1\\"', 'line 1 has an opening " without its end'],
  ["A='1'2", "line 1 has something after the closing '"],
  ["A='1' 2", "line 1 has something after the closing '"],
  ["A='1\n2' 3", "line 2 has something after the closing '"],
] as const) {
  test(`a broken file is refused: ${message} in ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseEnv(text), { name: "SyntaxError", message });
  });
}

test("what is written reads back the same, here and with Node's own reader", () => {
  let carried = 0;
  const property = fc.property(variables, (written) => {
    const text = formatOrSkip(written);
    carried++;
    assert.deepEqual(parseEnv(text), { ...written });
    assert.deepEqual({ ...parseEnvAsNode(text) }, { ...written });
  });
  fc.assert(property, { numRuns: 3000 });
  assert(carried >= 3000);
});

const withoutDotenv = withoutPython("dotenv");
test("python-dotenv reads the same", {
  skip: withoutDotenv,
}, async (t) => {
  const ask = startPython(
    t,
    "import dotenv, io",
    "dict(dotenv.dotenv_values(stream=io.StringIO(value)))",
  );
  const property = fc.asyncProperty(variables, async (written) => {
    const text = formatOrSkip(written);
    assert.deepEqual(await ask(text), { ...written });
  });
  await fc.assert(property, { numRuns: 500 });
});

test("simple values stay bare, others get the plainest quotes that carry them", () => {
  const written = {
    URL: "http://127.0.0.1:5000/a?b=%20",
    EMPTY: "",
    NAME: "Ada Lovelace",
    HASH: "a#b",
    WINDOWS: "C:\\new folder",
    APOSTROPHE: "it's",
    LINES: "it's\n#2",
    MIXED: '"a"\n\\b',
  };
  const expected = `# Written by Helm
# not by hand
URL='http://127.0.0.1:5000/a?b=%20'
EMPTY=
NAME='Ada Lovelace'
HASH='a#b'
WINDOWS=C:\\new folder
APOSTROPHE=it's
LINES="it's\\n#2"
MIXED='"a"
\\b'
`;
  assert.equal(formatEnv(written, "Written by Helm\r\nnot by hand"), expected);
});

for (const [name, uncarried] of [
  ["a carriage return", "a\rb"],
  ["NUL", "a\0b"],
  ["half a character", "\ud800"],
  ["both quotes and a line end", "'\"\n"],
  ["both quotes and #", "'\"#"],
  ["a variable that Python would put in", "a$" + "{HOME}b"],
  ["two backslashes and a line end", "\\\\\n"],
] as const) {
  test(`what dotenv files cannot carry is refused by its key: ${name}`, () => {
    const message = /^Cannot write SECRET to \.env: its value/;
    assert.throws(() => formatEnv({ SECRET: uncarried }), { name: "RangeError", message });
  });
}

test("a key that would be another line is refused", () => {
  assert.throws(() => formatEnv({ "A=1\nB": "2" }), { name: "RangeError" });
});

/** Values that are refused with their key's name make the property try others. */
function formatOrSkip(written: Record<string, string>): string {
  try {
    return formatEnv(written);
  } catch (error) {
    assert(error instanceof RangeError);
    fc.pre(false);
    throw error;
  }
}
