// The lines of a `.conf` file, told apart exactly as Python's RawConfigParser does it (contract §10).

export type ConfLine =
  | { readonly kind: "section"; readonly name: string; readonly raw: string }
  | { readonly kind: "option"; readonly key: string; readonly value: string; readonly raw: string }
  | { readonly kind: "continuation"; readonly value: string; readonly raw: string }
  | { readonly kind: "blank" | "comment" | "unknown"; readonly raw: string };

/** What Python's str.strip() takes off; JavaScript's trim() knows a slightly different set. */
const space =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const leadingSpace = new RegExp(`^${space}+`);
const trailingSpace = new RegExp(`${space}+$`);

/** Strips white space as Python does. */
export function strip(text: string): string {
  return stripEnd(text.replace(leadingSpace, ""));
}

export function stripEnd(text: string): string {
  return text.replace(trailingSpace, "");
}

/** @returns every line with its `raw` text, line end included: joined they are the file again */
export function readConfLines(text: string): ConfLine[] {
  const lines: ConfLine[] = [];
  let indentation = 0;
  let mayContinue = false;
  let isInSection = false;
  for (const raw of text.split(/(?<=\n|\r(?!\n))/)) {
    const value = strip(raw);
    if (value === "" || /^[#;]/.test(value)) {
      if (raw !== "") lines.push({ kind: value === "" ? "blank" : "comment", raw });
      continue;
    }
    const ownIndentation = leadingSpace.exec(raw)?.[0].length ?? 0;
    if (mayContinue && ownIndentation > indentation) {
      lines.push({ kind: "continuation", value, raw });
      continue;
    }
    indentation = ownIndentation;
    const line = readEntry(value, raw, isInSection);
    if (line.kind === "section") isInSection = true;
    mayContinue = line.kind === "option";
    lines.push(line);
  }
  return lines;
}

function readEntry(text: string, raw: string, isInSection: boolean): ConfLine {
  const name = /^\[(.+)\]/s.exec(text)?.[1];
  if (name !== undefined) return { kind: "section", name, raw };
  const delimiter = text.search(/[=:]/);
  if (!isInSection || delimiter < 1) return { kind: "unknown", raw };
  // RawConfigParser folds option names to lower case.
  const key = stripEnd(text.slice(0, delimiter)).toLowerCase();
  return { kind: "option", key, value: strip(text.slice(delimiter + 1)), raw };
}
