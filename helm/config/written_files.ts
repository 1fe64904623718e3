// What Helm wrote last, by its digest: what is neither that nor what has to be there now was edited by
// hand. The record is kept beside the master configuration, as files of others cannot carry one.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Conf, parseConf } from "@hivematrix/lib/conf_file";
import { readIfThere, writeIfChanged } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";

interface Written {
  readonly digest: string;
  /** Of a `.conf`: Helm's own sections; all else in it is somebody else's. */
  readonly sections?: readonly string[];
}

/** What the record says of files, by their path from the checkout's root. */
export class WrittenFiles {
  readonly #checkout: Checkout;
  readonly #files: Map<string, Written>;
  readonly #noted = new Map<string, Written>();
  readonly #dropped = new Set<string>();

  private constructor(checkout: Checkout, files: Map<string, Written>) {
    this.#checkout = checkout;
    this.#files = files;
  }

  /** A record that is lost or damaged is an empty one: it only says less. */
  static async load(checkout: Checkout): Promise<WrittenFiles> {
    const text = await readIfThere(recordFile(checkout)).catch(() => undefined);
    return new WrittenFiles(checkout, parseRecord(text ?? "{}"));
  }

  /** Helm's sections of a `.conf` as it was last written. */
  sectionsOf(path: string): readonly string[] {
    return this.#files.get(this.#checkout.display(path))?.sections ?? [];
  }

  /** `undefined` for a file that Helm has not written yet, as far as the record goes. */
  isAsWritten(path: string, text: string): boolean | undefined {
    const written = this.#files.get(this.#checkout.display(path));
    return written === undefined ? undefined : digest(text, written.sections) === written.digest;
  }

  note(path: string, text: string, sections?: readonly string[]): void {
    const written = { digest: digest(text, sections), ...(sections !== undefined && { sections }) };
    this.#files.set(this.#checkout.display(path), written);
    this.#noted.set(this.#checkout.display(path), written);
  }

  /** Forgets files that none of these apps has: an app that comes again begins anew. */
  keepOnly(folders: readonly string[]): void {
    for (const path of this.#files.keys()) {
      const isKept = folders.some((folder) =>
        path.startsWith(`${this.#checkout.display(folder)}/`),
      );
      if (!isKept) this.#dropped.add(path);
    }
  }

  /** Adds what was noted to the record as it is now: another process may have noted other files. */
  async save(): Promise<void> {
    if (this.#noted.size + this.#dropped.size === 0) return;
    const newest = (await WrittenFiles.load(this.#checkout)).#files;
    for (const path of this.#dropped) newest.delete(path);
    for (const [path, written] of this.#noted) newest.set(path, written);
    const sorted = [...newest].sort(([one], [other]) => (one < other ? -1 : 1));
    const text = `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
    await writeIfChanged(recordFile(this.#checkout), text);
  }

  /** The files that are not as Helm wrote them last; one that is gone is not edited. */
  async findEdited(): Promise<string[]> {
    const edited: string[] = [];
    for (const [shown, written] of this.#files) {
      const text = await readIfThere(join(this.#checkout.root, shown)).catch(() => undefined);
      if (text !== undefined && digest(text, written.sections) !== written.digest) {
        edited.push(shown);
      }
    }
    return edited;
  }
}

function recordFile({ masterConfigFile }: Checkout): string {
  return join(masterConfigFile, "..", "written.json");
}

function digest(text: string, sections: readonly string[] | undefined): string {
  const counted = sections === undefined ? text : ownSections(text, sections);
  return createHash("sha256").update(counted).digest("hex");
}

/** Their values; comments between them are nobody's business. */
function ownSections(text: string, sections: readonly string[]): string {
  let conf: Conf;
  try {
    conf = parseConf(text);
  } catch {
    return text; // Broken by hand, wherever: Helm's values cannot be read from it any more.
  }
  return JSON.stringify(sections.map((name) => [name, [...(conf.get(name) ?? [])].sort()]));
}

function parseRecord(text: string): Map<string, Written> {
  try {
    const files = Object.entries(JSON.parse(text) as Record<string, Written>);
    return new Map(files.filter(([, written]) => typeof written?.digest === "string"));
  } catch {
    return new Map();
  }
}
