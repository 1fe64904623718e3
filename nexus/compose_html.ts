import { HtmlScanner, lookAheadBytes } from "./html_scanner.ts";
import { type KnownHead, KnownHeads } from "./known_heads.ts";

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
  readonly #knownHeads: KnownHeads;
  /** Made when there is something to scan. */
  #scanner: HtmlScanner | undefined;
  #isDone = false;
  #held: Buffer = noBytes;

  /** @param knownHeads of the documents of the same service */
  constructor(additions: Additions, knownHeads = new KnownHeads()) {
    this.#additions = additions;
    this.#knownHeads = knownHeads;
  }

  /** @returns what can be sent on now, in order */
  push(chunk: Buffer): Buffer[] {
    if (this.#isDone || chunk.length === 0) return chunk.length === 0 ? [] : [chunk];
    const known = this.#scanner === undefined ? this.#knownHeads.find(chunk) : undefined;
    if (known === undefined) return this.#scan(chunk, false);
    this.#isDone = true;
    return this.#insert(chunk, known, chunk.length);
  }

  /** @returns the rest, once the document is complete */
  end(): Buffer[] {
    // Without a scanner it was an empty document, which stays one.
    return this.#isDone || this.#scanner === undefined ? [] : this.#scan(noBytes, true);
  }

  #scan(chunk: Buffer, isLast: boolean): Buffer[] {
    const isFirst = this.#scanner === undefined;
    this.#scanner ??= new HtmlScanner();
    const scanner = this.#scanner;
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const { insertions, settled } = scanner.scan(bytes, isLast);
    this.#isDone = scanner.isDone;
    const { hasViewport, hasPolicy } = scanner;
    const head = { insertions, hasViewport, hasPolicy };
    const last = insertions.at(-1);
    if (isFirst && scanner.isDone && last !== undefined) {
      this.#knownHeads.remember(bytes, last.offset + lookAheadBytes, head);
    }
    const end = isLast ? bytes.length : settled;
    this.#held = bytes.subarray(end);
    return this.#insert(bytes, head, end);
  }

  #insert(bytes: Buffer, { insertions, hasViewport, hasPolicy }: KnownHead, end: number): Buffer[] {
    const { head, script, viewport, body } = this.#additions;
    const parts: Buffer[] = [];
    let from = 0;
    for (const { point, offset } of insertions) {
      if (offset > from) parts.push(bytes.subarray(from, offset));
      from = offset;
      if (point === "body-start") parts.push(body);
      if (point !== "head-end") continue;
      if (!hasViewport) parts.push(viewport);
      parts.push(head);
      if (!hasPolicy && script.length > 0) parts.push(script);
    }
    if (end > from) parts.push(bytes.subarray(from, end));
    return parts;
  }
}

const noBytes: Buffer = Buffer.alloc(0);

/** Text as ASCII: other characters become references that mean the same in every encoding. */
export function toAsciiHtml(htmlText: string): Buffer {
  const ascii = htmlText.replace(/[^\0-\x7f]/gu, (c) => `&#${c.codePointAt(0)};`);
  return Buffer.from(ascii, "latin1");
}
