// `instance/<service>.conf`: sections of `key = value` as Python's RawConfigParser reads them
// (contract §10), so that a service in either language finds the same values in it.

export type Conf = Map<string, Map<string, string>>;

/** @throws {SyntaxError} naming the line that is no section, option, comment or continuation */
export function parseConf(text: string): Conf {
  const conf: Conf = new Map();
  let section: Map<string, string> | undefined;
  let lastKey: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith(";")) continue;
    const header = /^\[([^\]]+)\]$/.exec(trimmed);
    if (/^\s/.test(line) && section !== undefined && lastKey !== undefined) {
      section.set(lastKey, `${section.get(lastKey)}\n${trimmed}`);
    } else if (header?.[1] !== undefined) {
      section = conf.get(header[1]) ?? new Map();
      conf.set(header[1], section);
      lastKey = undefined;
    } else {
      const option = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(trimmed);
      if (option === null || section === undefined) {
        throw new SyntaxError(`line ${index + 1} is neither [section] nor key = value`);
      }
      // RawConfigParser folds option names to lower case.
      lastKey = (option[1] ?? "").toLowerCase();
      section.set(lastKey, option[2] ?? "");
    }
  }
  return conf;
}

/**
 * The text with the given sections replaced whole and every other section, with its comments, kept
 * byte for byte.
 *
 * @throws {RangeError} for a value that the format cannot carry (white space at its ends, an empty line in it)
 */
export function updateConf(
  text: string,
  sections: Readonly<Record<string, Readonly<Record<string, string>>>>,
): string {
  const kept = splitSections(text).filter(({ name }) => name === undefined || !(name in sections));
  const written = Object.entries(sections).map(([name, values]) => formatSection(name, values));
  const foreign = kept.map((part) => part.text.trimEnd()).filter((part) => part !== "");
  return `${[...written, ...foreign].join("\n\n")}\n`;
}

function splitSections(text: string): { name: string | undefined; text: string }[] {
  const parts: { name: string | undefined; text: string }[] = [];
  for (const line of text.split(/(?<=\n)/)) {
    const header = /^\[([^\]]+)\]\s*$/.exec(line);
    const last = parts.at(-1);
    if (header !== null || last === undefined) parts.push({ name: header?.[1], text: line });
    else last.text += line;
  }
  return parts;
}

function formatSection(name: string, values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([key, value]) => {
    if (value !== value.trim() || /\n\s*(\n|[#;])|\r/.test(value)) {
      throw new RangeError(
        `Cannot write [${name}] ${key}: a value may not begin or end with white space or hold an empty or comment line`,
      );
    }
    return `${key} = ${value.replaceAll("\n", "\n\t")}`;
  });
  return [`[${name}]`, ...lines].join("\n");
}
