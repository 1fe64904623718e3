// `instance/<service>.conf`: sections of `key = value` as Python's RawConfigParser reads them
// (contract §10), so that a service in either language finds the same values in it.
import { readConfLines, strip, stripEnd } from "./conf_lines.ts";

export type Conf = Map<string, Map<string, string>>;

/** RawConfigParser hands this section's options down to every other one. */
const defaultSection = "DEFAULT";

/** @throws {SyntaxError} naming the line that is no section or option, or repeats one */
export function parseConf(text: string): Conf {
  const conf: Conf = new Map([[defaultSection, new Map<string, string>()]]);
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const [index, line] of readConfLines(text).entries()) {
    const refuse = (problem: string): never => {
      throw new SyntaxError(`line ${index + 1} ${problem}`);
    };
    if (line.kind === "unknown") refuse("is neither [section] nor key = value");
    if (line.kind === "section") {
      const isThere = line.name !== defaultSection && conf.has(line.name);
      if (isThere) refuse(`has the section [${line.name}] again`);
      section = conf.get(line.name) ?? new Map();
      conf.set(line.name, section);
      key = undefined;
    } else if (line.kind === "option" && section !== undefined) {
      if (section.has(line.key)) refuse(`has the option ${line.key} again`);
      key = line.key;
      section.set(key, line.value);
    } else if (line.kind !== "comment" && section !== undefined && key !== undefined) {
      const continued = line.kind === "continuation" ? line.value : "";
      section.set(key, `${section.get(key)}\n${continued}`);
    }
  }
  return withDefaults(conf);
}

function withDefaults(conf: Conf): Conf {
  const defaults = conf.get(defaultSection) ?? [];
  conf.delete(defaultSection);
  for (const [name, options] of conf) {
    const all = [...defaults, ...options].map(([key, value]) => [key, stripEnd(value)] as const);
    conf.set(name, new Map(all));
  }
  return conf;
}

/**
 * The text with the given sections replaced whole, each in its place or at the end. Every other
 * section stays byte for byte, and so do the comments around and within a replaced one.
 *
 * @param obsolete sections that are taken out; comments of them stay
 * @throws {RangeError} for a name or value that the format cannot carry
 */
export function updateConf(
  text: string,
  sections: Readonly<Record<string, Readonly<Record<string, string>>>>,
  obsolete: readonly string[] = [],
): string {
  const missing = new Map(
    Object.entries(sections).map(([name, values]) => [name, formatSection(name, values)]),
  );
  const isOurs = (name: string | undefined) =>
    name !== undefined && (Object.hasOwn(sections, name) || obsolete.includes(name));
  const parts = splitSections(text).map(({ name, entries, rest }, index, all) => {
    if (name !== undefined && isOurs(name)) {
      const isFirst = missing.delete(name);
      const values = isFirst ? (sections[name] ?? {}) : {};
      const comments = readComments(entries, Object.keys(values));
      return (
        (isFirst ? formatSection(name, values, comments) : [...comments.values()].join("")) + rest
      );
    }
    const followsWritten = isOurs(all[index - 1]?.name);
    // An indented header would now continue the last value written.
    return (followsWritten ? entries.trimStart() : entries) + rest;
  });
  const kept = parts.join("");
  const gap = kept === "" ? "" : kept.endsWith("\n") ? "\n" : "\n\n";
  const added = [...missing.values()].join("\n");
  return added === "" ? kept : kept + gap + added;
}

interface Part {
  readonly name: string | undefined;
  /** From the header to the last option. */
  entries: string;
  /** The comments and empty lines after it, which may belong to the next section. */
  rest: string;
}

function splitSections(text: string): Part[] {
  const parts: Part[] = [{ name: undefined, entries: "", rest: "" }];
  for (const line of readConfLines(text)) {
    if (line.kind === "section") parts.push({ name: line.name, entries: "", rest: "" });
    const part = parts.at(-1) as Part;
    if (line.kind === "blank" || line.kind === "comment") {
      part.rest += line.raw;
    } else {
      part.entries += part.rest + line.raw;
      part.rest = "";
    }
  }
  return parts;
}

/** The key of comments behind the last option that stays. */
const atEnd = "";

/**
 * The comments within a section, each by the option that it stands before. Those of an option that is
 * dropped stand before the next one that stays.
 */
function readComments(entries: string, keys: readonly string[]): Map<string, string> {
  const kept = keys.map((key) => key.toLowerCase());
  const comments = new Map<string, string>();
  let pending = "";
  for (const line of readConfLines(entries)) {
    if (line.kind === "comment") pending += line.raw;
    if (line.kind !== "option" || !kept.includes(line.key)) continue;
    comments.set(line.key, (comments.get(line.key) ?? "") + pending);
    pending = "";
  }
  if (pending !== "") comments.set(atEnd, pending);
  return comments;
}

function formatSection(
  name: string,
  values: Readonly<Record<string, string>>,
  comments: ReadonlyMap<string, string> = new Map(),
): string {
  if (name === "" || name === defaultSection || !isCarried(name) || /\n/.test(name)) {
    throw new RangeError(`Cannot write [${name}]: a .conf file has no section of that name`);
  }
  const keys = new Set<string>();
  const lines = Object.entries(values).map(([key, value]) => {
    const folded = key.toLowerCase();
    if (!/^[^[#;=:\n][^=:\n]*$/.test(key) || key !== strip(key) || !isCarried(key)) {
      throw new RangeError(`Cannot write [${name}] ${key}: that is no name for an option`);
    }
    if (keys.has(folded)) {
      throw new RangeError(`Cannot write [${name}] ${key}: option names do not tell case apart`);
    }
    keys.add(folded);
    return `${comments.get(folded) ?? ""}${key} = ${formatValue(name, key, value)}\n`;
  });
  return `[${name}]\n${lines.join("")}${comments.get(atEnd) ?? ""}`;
}

function formatValue(name: string, key: string, value: string): string {
  const refuse = (problem: string): never => {
    throw new RangeError(`Cannot write [${name}] ${key}: ${problem}`);
  };
  if (!isCarried(value)) refuse("a value may not hold a carriage return or half a character");
  const [first = "", ...others] = value.split("\n");
  const lines = [first, ...others];
  if (value !== strip(value) || lines.some((line) => line !== strip(line))) {
    refuse("no line of a value may begin or end with white space");
  }
  if (others.some((line) => /^[#;]/.test(line))) {
    refuse("a further line of a value may not begin with # or ;");
  }
  return [first, ...others.map((line) => (line === "" ? "" : `\t${line}`))].join("\n");
}

/** Python reads the file as UTF-8 and takes every form of line end for a line feed. */
function isCarried(text: string): boolean {
  return !/[\r\p{Surrogate}]/u.test(text);
}
