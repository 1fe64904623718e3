import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { JsonSyntaxError, parseJsonDocument } from "./json_document.ts";

test("a document has its value and the place of every key", () => {
  const document = parseJsonDocument('{\n  "apps": {\n    "core": { "port": 5000 }\n  }\n}\n');
  assert.deepEqual(document.value, { apps: { core: { port: 5000 } } });
  assert.deepEqual(document.placeOf("apps.core.port"), { line: 3, column: 23 });
  assert.equal(document.placeOf("apps.nexus.port"), undefined);
});

const broken: readonly [text: string, message: RegExp][] = [
  ["", /line 1, column 1: found the end of the file where a value/],
  ['{\n  "a": 1\n  "b": 2\n}', /line 3, column 3: found """ instead of "," or "}"/],
  ['{\n  "a": {\n    "b": banana\n  }\n}', /line 3, column 10 \(at a\.b\): found "b"/],
  ['{ "a": 1, }', /line 1, column 11: found "}" instead of a "key"/],
  ['{ "a": "open\n}', /line 1, column 8 \(at a\): this string has no end/],
  ['{ "a": [1, 2 }', /column 14 \(at a\): found "}" instead of "," or "\]"/],
  ['{ "a": 1, "a": 2 }', /\(at a\): this key is there twice/],
  ["{} {}", /column 4: found "{" after the end/],
  ["{ 'a': 1 }", /column 3: found "'" instead of a "key"/],
];
for (const [text, message] of broken) {
  test(`${JSON.stringify(text)} is refused with its place`, () => {
    assert.throws(() => parseJsonDocument(text), { name: "JsonSyntaxError", message });
  });
}

test("whatever JSON.stringify writes is read back the same", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 2);
      assert.deepEqual(parseJsonDocument(text).value, JSON.parse(text));
    }),
  );
});

test("a text is refused exactly when JSON.parse refuses it", () => {
  const texts = fc.array(fc.constantFrom(...'{}[],:"ab1-.e\\ \ttruefalsn\u0001\u007f'));
  fc.assert(
    fc.property(texts, (characters) => {
      const text = characters.join("");
      const refusal = refusalOf(() => parseJsonDocument(text));
      // Two keys of one name are the one thing that JSON.parse takes and we do not.
      fc.pre(!refusal?.message.includes("twice"));
      assert.equal(refusal === undefined, refusalOf(() => JSON.parse(text)) === undefined);
      assert.ok(refusal === undefined || refusal instanceof JsonSyntaxError);
    }),
    { numRuns: 2000 },
  );
});

function refusalOf(parse: () => unknown): Error | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
