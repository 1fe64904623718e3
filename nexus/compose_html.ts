import { HtmlScanner, type Insertion } from "./html_scanner.ts";

/** What a document gains; plain ASCII, so that it reads the same in whatever encoding the page has. */
export interface Additions {
  /** Goes to the end of the head: the stylesheet. */
  readonly head: Buffer;
  /** Goes behind it, unless the document has a policy of its own, which nobody could amend. */
  readonly script: Buffer;
  /** Goes to the end of the head of a document without `<meta name="viewport">`. */
  readonly viewport: Buffer;
  /** Goes to the start of the body: the side panel. */
  readonly body: Buffer;
}

/**
 * Composes a page in a stream: bytes go through as they come, the additions are slipped in between,
 * and after the body's start nothing is looked at any more.
 */
export class HtmlComposer {
  readonly #additions: Additions;
  readonly #scanner = new HtmlScanner();
  #held: Buffer = Buffer.alloc(0);
  #isEmpty = true;

  constructor(additions: Additions) {
    this.#additions = additions;
  }

  /** @returns what can be sent on now, in order */
  push(chunk: Buffer): Buffer[] {
    if (chunk.length > 0) this.#isEmpty = false;
    if (this.#scanner.isDone) return [chunk];
    return this.#compose(chunk, false);
  }

  /** @returns the rest, once the document is complete */
  end(): Buffer[] {
    if (this.#scanner.isDone || this.#isEmpty) return [];
    return this.#compose(Buffer.alloc(0), true);
  }

  #compose(chunk: Buffer, isLast: boolean): Buffer[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const { insertions, settled } = this.#scanner.scan(bytes, isLast);
    const end = isLast ? bytes.length : settled;
    const parts: Buffer[] = [];
    let from = 0;
    for (const insertion of insertions) {
      parts.push(bytes.subarray(from, insertion.offset), ...this.#additionsAt(insertion));
      from = insertion.offset;
    }
    parts.push(bytes.subarray(from, end));
    this.#held = bytes.subarray(end);
    return parts.filter((part) => part.length > 0);
  }

  #additionsAt({ point }: Insertion): Buffer[] {
    const { head, script, viewport, body } = this.#additions;
    if (point === "body-start") return [body];
    if (point === "none") return [];
    const { hasViewport, hasPolicy } = this.#scanner;
    return [...(hasViewport ? [] : [viewport]), head, ...(hasPolicy ? [] : [script])];
  }
}

/** Text as ASCII: other characters become references that mean the same in every encoding. */
export function toAsciiHtml(htmlText: string): Buffer {
  const ascii = htmlText.replace(/[^\0-\x7f]/gu, (c) => `&#${c.codePointAt(0)};`);
  return Buffer.from(ascii, "latin1");
}
