import { readConfLines } from "@hivematrix/lib/conf_lines";
import { readIfThere } from "./atomic_file.ts";
import type { Checkout } from "./checkout.ts";
import { type FileEntry, readEntries, splitKey } from "./file_entries.ts";

/** Where in a file a value stands. */
export interface FilePlace {
  /** From the checkout's root. */
  readonly file: string;
  /** Of a `.conf`. */
  readonly section?: string;
  /** `undefined` where it does not stand there now. */
  readonly line?: number;
  /** What stands there, where that is another value: edited by hand, or not written yet. */
  readonly found?: string;
}

interface Wanted {
  readonly key: string;
  readonly value: string;
  /** The value as anybody may see it. */
  readonly show: (value: string) => string;
}

export async function findPlace(
  checkout: Checkout,
  path: string,
  { key, value, show }: Wanted,
): Promise<FilePlace> {
  const { section } = splitKey(key);
  const text = (await readIfThere(path)) ?? "";
  const line = findLine(text, key);
  const found = readValue(text, key);
  return {
    file: checkout.display(path),
    ...(section !== undefined && { section }),
    ...(line > 0 && { line }),
    ...(found !== undefined && found !== value && { found: show(found) }),
  };
}

function readValue(text: string, key: string): string | undefined {
  const { section, name } = splitKey(key);
  const isIt = (entry: FileEntry) => entry.section === section && entry.name === name;
  try {
    return readEntries(section === undefined ? "env" : "conf", text).find(isIt)?.value;
  } catch {
    return undefined; // The plan says what is wrong in it.
  }
}

/** Counted from 1; 0 when there is none. */
function findLine(text: string, key: string): number {
  const { section, name } = splitKey(key);
  if (section === undefined) {
    return text.split(/\r\n|\n|\r/).findIndex((line) => line.startsWith(`${name}=`)) + 1;
  }
  let here: string | undefined;
  const isIt = (line: ReturnType<typeof readConfLines>[number]) => {
    if (line.kind === "section") here = line.name;
    return line.kind === "option" && here === section && line.key === name.toLowerCase();
  };
  return readConfLines(text).findIndex(isIt) + 1;
}
