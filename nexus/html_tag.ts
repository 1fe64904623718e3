// The inside of a tag, from its name to its `>`, as the HTML tokenizer reads it (§13.2.5.8 and
// §13.2.5.32 to §13.2.5.40): only a quote that opens an attribute's value hides a `>`.

type Phase = "tag-name" | "names" | "before-value" | "unquoted" | "double-quoted" | "single-quoted";

/** A policy in a `<meta>` may come before the name that says it is one. */
const maxKeptBytes = 8192;

/** Reads one tag across any number of chunks. */
export class TagReader {
  #phase: Phase = "tag-name";
  /** Whether an attribute's name has begun: only then does `=` lead to a value. */
  #hasName = false;
  readonly #keepsAttributes: boolean;
  /** The attributes' text, as far as it is kept; bytes as characters. */
  attributes = "";

  constructor({ keepsAttributes }: { keepsAttributes: boolean }) {
    this.#keepsAttributes = keepsAttributes;
  }

  /** @returns the offset just behind the closing `>`, or `undefined` when the tag goes on */
  read(bytes: Uint8Array, from: number): number | undefined {
    let at = from;
    while (at < bytes.length && !this.#endsAt(bytes[at] ?? 0)) at++;
    if (this.#keepsAttributes) this.#keep(bytes, from, at);
    return at < bytes.length ? at + 1 : undefined;
  }

  #endsAt(byte: number): boolean {
    switch (this.#phase) {
      case "double-quoted":
        if (byte === 0x22) this.#startNames();
        return false;
      case "single-quoted":
        if (byte === 0x27) this.#startNames();
        return false;
      case "before-value":
        if (byte === 0x22) this.#phase = "double-quoted";
        else if (byte === 0x27) this.#phase = "single-quoted";
        else if (!isWhiteSpace(byte)) this.#phase = "unquoted";
        break;
      case "names":
        this.#readName(byte);
        break;
      case "unquoted":
        if (isWhiteSpace(byte)) this.#startNames();
        break;
      default:
        if (isWhiteSpace(byte) || byte === slash) this.#startNames();
    }
    return byte === greaterThan;
  }

  #readName(byte: number): void {
    if (byte === 0x3d && this.#hasName) this.#phase = "before-value";
    else if (byte === slash) this.#hasName = false;
    else if (!isWhiteSpace(byte)) this.#hasName = true;
  }

  #startNames(): void {
    this.#phase = "names";
    this.#hasName = false;
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    const room = maxKeptBytes - this.attributes.length;
    const kept = bytes.subarray(from, Math.min(to, from + room));
    this.attributes += Buffer.from(kept).toString("latin1");
  }
}

/** The first attribute of this name counts (§13.2.5.33). @returns its value in lower case */
export function readAttribute(attributes: string, name: string): string | undefined {
  for (const [, found, value = ""] of attributes.matchAll(attributePattern)) {
    if (found?.toLowerCase() === name) return value.replace(/^(["'])(.*)\1$/s, "$2").toLowerCase();
  }
  return undefined;
}

/** A name (it may begin with `=`), and its value if there is one. */
const attributePattern =
  /([^\t\n\f\r /][^\t\n\f\r /=]*)(?:[\t\n\f\r ]*=[\t\n\f\r ]*("[^"]*"|'[^']*'|[^\t\n\f\r "'][^\t\n\f\r ]*))?/g;

const greaterThan = 0x3e;
const slash = 0x2f;

/** What the tokenizer treats as white space: tab, line feed, form feed, carriage return, space. */
export function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === 0x0d || byte === 0x0c;
}
