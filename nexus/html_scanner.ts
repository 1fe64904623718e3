// Finds the two places in an HTML document where something can be inserted so that a browser's tree
// gains exactly that: the end of the head, and the start of the body. It follows the insertion modes
// "initial" to "after head" of the HTML standard (§13.2.6.4.1 to §13.2.6.4.6) and the tokenizer states
// that these need, on bytes of any encoding that is a superset of ASCII, whatever the chunk borders.
import { isWhiteSpace, readAttribute, TagReader } from "./html_tag.ts";

export type InsertionPoint = "head-end" | "body-start" | "none";

export interface Insertion {
  readonly point: InsertionPoint;
  /** Where in the bytes handed to `scan`. */
  readonly offset: number;
}

/** What comes before the body is in one of these. */
type Mode = "start" | "before-head" | "in-head" | "after-head" | "done";
/** Where the tokenizer stands between two chunks. */
type State =
  | { kind: "data" }
  | { kind: "tag"; name: string; isEnd: boolean; reader: TagReader }
  | { kind: "until"; end: string }
  | { kind: "comment" }
  | { kind: "raw"; name: string; escape: number };

const lessThan = 0x3c;
const greaterThan = 0x3e;
const openBracket = 0x5b;
const slash = 0x2f;
const maxNameBytes = 16;
/** How far behind an insertion's place the scan may have looked to find it. */
export const lookAheadBytes = maxNameBytes + 3;

const headElements = new Set(
  "base basefont bgsound link meta noframes noscript script style template title".split(" "),
);
/** Content up to the end tag is text (noscript: because scripting is on in browsers). */
const rawTextElements = new Set(
  "iframe noembed noframes noscript script style textarea title xmp".split(" "),
);
/**
 * Within these (they only matter in a template, anywhere else they are the body's start) the content
 * of a raw text element may be read as markup: foreign content, and rules that differ by browser.
 */
const doubtfulElements = new Set(["col", "math", "select", "svg"]);

/**
 * An incremental scanner. Feed it the bytes in order; it says where to insert and how many bytes at
 * the end it has to see again together with the next ones.
 */
export class HtmlScanner {
  #mode: Mode = "start";
  #state: State = { kind: "data" };
  #templateDepth = 0;
  /** Whether an element of the outermost template makes it doubtful where raw text ends. */
  #isDoubtful = false;
  /** Whether the document has `<meta name="viewport">`, known once the head has ended. */
  hasViewport = false;
  /** The same for `<meta http-equiv="Content-Security-Policy">`. */
  hasPolicy = false;

  get isDone(): boolean {
    return this.#mode === "done";
  }

  /**
   * @param isLast nothing follows, so an unfinished token is text
   * @returns insertions in order, and the offset up to which the bytes are settled
   */
  scan(bytes: Uint8Array, isLast: boolean): { insertions: Insertion[]; settled: number } {
    const insertions: Insertion[] = [];
    let at = this.#mode === "start" ? this.#readByteOrderMark(bytes, isLast) : 0;
    if (this.#mode === "start") return { insertions, settled: 0 };
    while (at < bytes.length && !this.isDone) {
      const next = this.#step(bytes, at, isLast, insertions);
      if (next === at) break;
      at = next;
    }
    // A document that ends in its head has an empty body, which can hold what is inserted.
    const isBetweenTokens = this.#state.kind === "data" && this.#templateDepth === 0;
    if (isLast && !this.isDone && isBetweenTokens) this.#startBody(bytes.length, insertions);
    return { insertions, settled: this.isDone ? bytes.length : at };
  }

  /** The first bytes can name the encoding, above anything else (Encoding Standard §6). */
  #readByteOrderMark(bytes: Uint8Array, isLast: boolean): number {
    const first = bytes[0] ?? 0;
    if (first !== 0 && first < 0xef) {
      this.#mode = "before-head";
      return 0;
    }
    const start = Buffer.from(bytes.subarray(0, 3)).toString("hex");
    const isCut = !isLast && bytes.length < 3 && ["efbbbf", "feff", "fffe"].some(beginsWith(start));
    if (isCut) return 0;
    // UTF-16: nothing here could be found or inserted byte by byte.
    this.#mode = start.startsWith("feff") || start.startsWith("fffe") ? "done" : "before-head";
    return start === "efbbbf" ? 3 : 0;
  }

  /** One token, or the part of it that is there; the same offset when more bytes are needed. */
  #step(bytes: Uint8Array, at: number, isLast: boolean, insertions: Insertion[]): number {
    const state = this.#state;
    switch (state.kind) {
      case "tag":
        return this.#stepTag(state, bytes, at, insertions);
      case "until":
        return this.#stepUntil(state.end, bytes, at);
      case "comment":
        return this.#stepComment(bytes, at, isLast);
      case "raw":
        return this.#stepRawText(state, bytes, at, isLast, insertions);
      default:
        return this.#stepData(bytes, at, isLast, insertions);
    }
  }

  #stepData(bytes: Uint8Array, at: number, isLast: boolean, insertions: Insertion[]): number {
    if (bytes[at] !== lessThan) return this.#stepText(bytes, at, insertions);
    const opening = readOpening(bytes, at, isLast);
    switch (opening.kind) {
      case "more":
        return at;
      case "text":
        if (this.#templateDepth === 0) this.#startBody(at, insertions);
        return at + 1;
      case "comment":
        this.#state = { kind: "comment" };
        return opening.end;
      case "bogus":
        // In foreign content `<![CDATA[` hides what looks like tags.
        if (this.#isDoubtful && bytes[at + 2] === openBracket) this.#giveUp(at, insertions);
        this.#state = { kind: "until", end: ">" };
        return opening.end;
      default:
        this.#openTag(opening.name, opening.isEnd, at, insertions);
        if (this.isDone) return at;
        this.#state = startTag(opening.name, opening.isEnd);
        return opening.end;
    }
  }

  #stepText(bytes: Uint8Array, at: number, insertions: Insertion[]): number {
    for (let i = at; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === lessThan) return i;
      if (isWhiteSpace(byte) || this.#templateDepth > 0) continue;
      this.#startBody(i, insertions);
      return i + 1;
    }
    return bytes.length;
  }

  /** What a tag's name alone decides: whether the head or the body begins or ends before it. */
  #openTag(name: string, isEnd: boolean, at: number, insertions: Insertion[]): void {
    if (this.#templateDepth > 0) {
      this.#openTagInTemplate(name, isEnd, at, insertions);
      return;
    }
    if (isEnd) {
      if (name === "head" && this.#mode !== "after-head") this.#endHead(at, insertions);
      // These end tags act as content; all others are ignored before the body (§13.2.6.4.3).
      else if (name === "body" || name === "html" || name === "br") this.#startBody(at, insertions);
      return;
    }
    // After the head a noscript is content (§13.2.6.4.6), within it one of its elements.
    const isContent = name === "noscript" && this.#mode === "after-head";
    if (name === "html" || (headElements.has(name) && !isContent)) {
      if (name !== "html" && this.#mode === "before-head") this.#mode = "in-head";
      return;
    }
    if (name === "head") {
      if (this.#mode === "before-head") this.#mode = "in-head";
      return;
    }
    if (this.#mode !== "after-head") this.#endHead(at, insertions);
    if (name === "frameset") {
      this.#giveUp(at, insertions);
    } else if (name !== "body") {
      this.#startBody(at, insertions);
    }
  }

  #openTagInTemplate(name: string, isEnd: boolean, at: number, insertions: Insertion[]): void {
    if (isEnd) return;
    // An svg's <template> is no template, and nothing ends a <plaintext>.
    const isLost = name === "plaintext" || (this.#isDoubtful && name === "template");
    if (isLost) this.#giveUp(at, insertions);
    else if (doubtfulElements.has(name)) this.#isDoubtful = true;
  }

  #stepTag(
    state: State & { kind: "tag" },
    bytes: Uint8Array,
    at: number,
    insertions: Insertion[],
  ): number {
    const end = state.reader.read(bytes, at);
    if (end === undefined) return bytes.length;
    this.#state = { kind: "data" };
    this.#closeTag(state, end, insertions);
    return end;
  }

  /** What follows from a tag that is complete. */
  #closeTag(tag: State & { kind: "tag" }, end: number, insertions: Insertion[]): void {
    const { name, isEnd, reader } = tag;
    if (name === "template") {
      this.#templateDepth = Math.max(0, this.#templateDepth + (isEnd ? -1 : 1));
      if (this.#templateDepth === 0) this.#isDoubtful = false;
    } else if (isEnd) {
      return;
    } else if (rawTextElements.has(name)) {
      this.#state = { kind: "raw", name, escape: 0 };
    } else if (name === "meta") {
      // Behind the head it is too late for what is inserted there.
      const isInHead = this.#templateDepth === 0 && this.#mode !== "after-head";
      if (isInHead) this.#readMeta(reader.attributes);
    } else if (name === "body" && this.#templateDepth === 0) {
      this.#mode = "done";
      insertions.push({ point: "body-start", offset: end });
    }
  }

  #readMeta(attributes: string): void {
    // The words alone are looked for first: to take the attributes apart costs much more.
    if (/viewport/i.test(attributes) && readAttribute(attributes, "name") === "viewport") {
      this.hasViewport = true;
    }
    const policy = "content-security-policy";
    if (
      /content-security/i.test(attributes) &&
      readAttribute(attributes, "http-equiv") === policy
    ) {
      this.hasPolicy = true;
    }
  }

  #stepUntil(end: string, bytes: Uint8Array, at: number): number {
    const found = bytes.indexOf(end.charCodeAt(0), at);
    if (found < 0) return bytes.length;
    this.#state = { kind: "data" };
    return found + 1;
  }

  #stepComment(bytes: Uint8Array, at: number, isLast: boolean): number {
    for (let dash = bytes.indexOf(0x2d, at); dash >= 0; dash = bytes.indexOf(0x2d, dash + 1)) {
      const tail = latin1(bytes, dash, dash + 4);
      if (tail.startsWith("-->") || tail.startsWith("--!>")) {
        this.#state = { kind: "data" };
        return dash + (tail.startsWith("-->") ? 3 : 4);
      }
      if (!isLast && "--!>".startsWith(tail)) return dash;
    }
    return bytes.length;
  }

  /** Text up to the end tag; within a script `<!--<script>` hides one (§13.2.5.17 and following). */
  #stepRawText(
    state: State & { kind: "raw" },
    bytes: Uint8Array,
    at: number,
    isLast: boolean,
    insertions: Insertion[],
  ): number {
    for (let i = at; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte !== lessThan && byte !== 0x2d) continue;
      const tail = latin1(bytes, i, i + state.name.length + 3).toLowerCase();
      const isCut = !isLast && i + state.name.length + 3 > bytes.length;
      if (byte === 0x2d) {
        if (state.escape === 0) continue;
        if (tail.startsWith("-->")) state.escape = 0;
        else if (isCut && "-->".startsWith(tail)) return i;
        continue;
      }
      if (isCut && tail.length < state.name.length + 3) return i;
      if (this.#isDoubtful && !isTagStart(tail, `</${state.name}`)) {
        this.#giveUp(i, insertions);
        return i;
      }
      if (state.name === "script" && tail.startsWith("<!--") && state.escape === 0) {
        state.escape = 1;
        // `<!-->` closes at once, so its dashes are looked at again.
        i += 1;
      } else if (state.escape === 1 && isTagStart(tail, "<script")) {
        state.escape = 2;
      } else if (isTagStart(tail, `</${state.name}`)) {
        if (state.escape === 2) {
          state.escape = 1;
          continue;
        }
        this.#state = startTag(state.name, true);
        return i + state.name.length + 2;
      }
    }
    return bytes.length;
  }

  /** Better a page without additions than additions in the wrong place. */
  #giveUp(offset: number, insertions: Insertion[]): void {
    this.#mode = "done";
    insertions.push({ point: "none", offset });
  }

  #endHead(offset: number, insertions: Insertion[]): void {
    this.#mode = "after-head";
    insertions.push({ point: "head-end", offset });
  }

  #startBody(offset: number, insertions: Insertion[]): void {
    if (this.#mode !== "after-head") this.#endHead(offset, insertions);
    this.#mode = "done";
    insertions.push({ point: "body-start", offset });
  }
}

function startTag(name: string, isEnd: boolean): State {
  const keepsAttributes = name === "meta" && !isEnd;
  return { kind: "tag", name, isEnd, reader: new TagReader({ keepsAttributes }) };
}

function beginsWith(start: string): (text: string) => boolean {
  return (text) => text !== start && text.startsWith(start);
}

type Opening =
  | { kind: "more" | "text" }
  | { kind: "comment" | "bogus"; end: number }
  | { kind: "tag"; name: string; isEnd: boolean; end: number };

/** What begins with the `<` at this offset. */
function readOpening(bytes: Uint8Array, at: number, isLast: boolean): Opening {
  return readShortTag(bytes, at) ?? readAnyOpening(bytes, at, isLast);
}

/** The usual case, without a regular expression: a tag whose name is of letters and digits and ends here. */
function readShortTag(bytes: Uint8Array, at: number): Opening | undefined {
  const isEnd = bytes[at + 1] === slash;
  const from = at + (isEnd ? 2 : 1);
  let name = "";
  for (let end = from; end <= from + maxNameBytes; end++) {
    const byte = bytes[end] ?? 0;
    const lower = byte | 0x20;
    const isLetter = lower >= 0x61 && lower <= 0x7a;
    if (isLetter) name += letters[lower - 0x61];
    else if (byte >= 0x30 && byte <= 0x39 && name !== "") name += String.fromCharCode(byte);
    else if (name !== "" && (isWhiteSpace(byte) || byte === greaterThan || byte === slash)) {
      return { kind: "tag", name, isEnd, end };
    } else return undefined;
  }
  return undefined;
}

const letters = "abcdefghijklmnopqrstuvwxyz";

function readAnyOpening(bytes: Uint8Array, at: number, isLast: boolean): Opening {
  const text = latin1(bytes, at, at + maxNameBytes + 3);
  const isCut = !isLast && at + maxNameBytes + 3 > bytes.length;
  const tag = /^<(\/?)([a-z][^\t\n\f\r />]*)/i.exec(text);
  if (tag !== null) {
    const [whole, slash, name = ""] = tag;
    // A name that reaches the end of what is there may go on in the next chunk.
    if (isCut && whole.length === text.length) return { kind: "more" };
    return { kind: "tag", name: name.toLowerCase(), isEnd: slash === "/", end: at + whole.length };
  }
  if (isCut && (text.length < 4 || "<!--".startsWith(text)) && /^<[!/?]?-?$/.test(text)) {
    return { kind: "more" };
  }
  if (text.startsWith("<!--")) {
    // `<!-->` and `<!--->` are whole comments (§13.2.5.44).
    const abrupt = /^<!--(-?)>/.exec(text);
    if (abrupt !== null) return { kind: "bogus", end: at + abrupt[0].length - 1 };
    if (isCut && /^<!---?$/.test(text)) return { kind: "more" };
    return { kind: "comment", end: at + 4 };
  }
  if (text === "<!-" && isCut) return { kind: "more" };
  // `</>` vanishes, `</x` with x no letter, `<!…` (doctype too) and `<?…` run to the next `>`.
  if (/^<[!?]/.test(text)) return { kind: "bogus", end: at + 2 };
  if (/^<\/./s.test(text)) return { kind: "bogus", end: at + 2 };
  return { kind: "text" };
}

function isTagStart(tail: string, opening: string): boolean {
  return tail.startsWith(opening) && /[\t\n\f\r />]/.test(tail[opening.length] ?? "");
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < Math.min(to, bytes.length); i++)
    text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}
