// JSON.parse says what is wrong but, on Node 20, often not where. A person who edited a file by hand
// needs the line, so the text is walked a second time when it does not parse or a value is refused.

export interface JsonPlace {
  readonly line: number;
  readonly column: number;
}

/** A text that is not JSON. Lines and columns count from 1. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  readonly place: JsonPlace;

  constructor(place: JsonPlace, key: string, reason: string) {
    const near = key === "" ? "" : ` (at ${key})`;
    super(`line ${place.line}, column ${place.column}${near}: ${reason}`);
    this.place = place;
  }
}

export interface JsonDocument {
  readonly value: unknown;
  /** Where the value of a dotted key (`apps.core.port`) stands. */
  placeOf(key: string): JsonPlace | undefined;
}

/** @throws {JsonSyntaxError} with the line, the column and the key that was being read */
export function parseJsonDocument(text: string): JsonDocument {
  const places = scan(text);
  return {
    value: JSON.parse(text),
    placeOf(key) {
      const at = places.get(key);
      return at === undefined ? undefined : placeAt(text, at);
    },
  };
}

/** The offset of every value by its dotted key. @throws {JsonSyntaxError} */
function scan(text: string): Map<string, number> {
  const places = new Map<string, number>();
  let at = 0;

  const fail = (key: string, reason: string): never => {
    throw new JsonSyntaxError(placeAt(text, at), key, reason);
  };
  const found = () => (at < text.length ? `"${text[at]}"` : "the end of the file");
  const skip = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0];
    at += match?.length ?? 0;
    return match;
  };
  const isNext = (character: string): boolean => {
    skip(whiteSpace);
    if (text[at] !== character) return false;
    at++;
    return true;
  };

  const scanValue = (key: string): void => {
    skip(whiteSpace);
    places.set(key, at);
    if (isNext("{")) scanObject(key);
    else if (isNext("[")) scanArray(key);
    else if (skip(string) === undefined && skip(literal) === undefined) {
      fail(key, text[at] === '"' ? brokenString : `found ${found()} where a value has to stand`);
    }
  };
  const scanObject = (key: string): void => {
    if (isNext("}")) return;
    const names = new Set<string>();
    do {
      skip(whiteSpace);
      const name =
        skip(string) ??
        fail(key, text[at] === '"' ? brokenString : `found ${found()} instead of a "key"`);
      const inner = join(key, JSON.parse(name));
      // JSON.parse would take the last one, and the person who wrote both would wonder.
      if (names.has(inner)) fail(inner, "this key is there twice");
      names.add(inner);
      if (!isNext(":")) fail(inner, `found ${found()} instead of ":"`);
      scanValue(inner);
    } while (isNext(","));
    if (!isNext("}")) fail(key, `found ${found()} instead of "," or "}"`);
  };
  const scanArray = (key: string): void => {
    if (isNext("]")) return;
    let index = 0;
    do scanValue(join(key, String(index++)));
    while (isNext(","));
    if (!isNext("]")) fail(key, `found ${found()} instead of "," or "]"`);
  };

  scanValue("");
  skip(whiteSpace);
  if (at < text.length) fail("", `found ${found()} after the end of the document`);
  return places;
}

const whiteSpace = /[ \t\r\n]*/y;
// Control characters have to be escaped, except DEL and its neighbours (RFC 8259 §7).
const string = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const brokenString = "this string has no end or holds what has to be escaped";

function join(key: string, name: string): string {
  return key === "" ? name : `${key}.${name}`;
}

function placeAt(text: string, at: number): JsonPlace {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
