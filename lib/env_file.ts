// Reads and writes `.env` files in the subset that dotenv readers of other languages share.

type Quote = "'" | '"';

/**
 * @param text lines `KEY=value`, `KEY='value'` (as it stands) or `KEY="value"` (with \n, \r, \", \\, \$
 *   escapes); a quoted value may go over several lines
 * @throws {SyntaxError} naming the line that is none of these
 */
export function parseEnv(text: string): Record<string, string> {
  const values = new Map<string, string>();
  const lines = text.split(/\r\n|\n|\r/);
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/s.exec(line);
    if (match === null) throw new SyntaxError(`line ${index + 1} is not KEY=value`);
    const [, key = "", raw = ""] = match;
    if (raw.startsWith("'") || raw.startsWith('"')) {
      const quoted = readQuoted(lines, index, raw);
      values.set(key, quoted.value);
      index = quoted.lastIndex;
    } else {
      values.set(key, raw.replace(/(^|\s+)#.*$/s, "").trimEnd());
    }
  }
  return Object.fromEntries(values);
}

/**
 * The text of a `.env` file, such that parseEnv, Node's own reader (`util.parseEnv`, `--env-file`) and
 * python-dotenv read it back to the same values.
 *
 * @throws {RangeError} naming the key of a value that no form of quoting carries to all of them
 */
export function formatEnv(values: Readonly<Record<string, string>>, comment?: string): string {
  const head = comment === undefined ? [] : comment.split(/\r\n|\n|\r/).map((line) => `# ${line}`);
  const lines = Object.entries(values).map(([key, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
      throw new RangeError(
        `Cannot write ${JSON.stringify(key)} to .env: that is no variable's name`,
      );
    }
    const formatted = formatValue(value);
    if (formatted !== undefined) return `${key}=${formatted}`;
    throw new RangeError(
      `Cannot write ${key} to .env: its value has a carriage return or \${…}, or mixes quotes, backslashes and line ends in a way that dotenv files cannot carry`,
    );
  });
  return `${[...head, ...lines].join("\n")}\n`;
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  '"': '"',
  "\\": "\\",
  $: "$",
};

function readQuoted(lines: readonly string[], index: number, raw: string) {
  const quote = raw[0] as Quote;
  let text = raw;
  let lastIndex = index;
  let end = closingQuote(text, quote);
  while (end < 0) {
    lastIndex++;
    const next = lines[lastIndex];
    if (next === undefined) {
      throw new SyntaxError(`line ${index + 1} has an opening ${quote} without its end`);
    }
    text += `\n${next}`;
    end = closingQuote(text, quote);
  }
  if (!/^\s*(#.*)?$/s.test(text.slice(end + 1))) {
    throw new SyntaxError(`line ${lastIndex + 1} has something after the closing ${quote}`);
  }
  const inner = text.slice(1, end);
  return { value: quote === "'" ? inner : decodeEscapes(inner), lastIndex };
}

function decodeEscapes(text: string): string {
  return text.replace(/\\([nr"\\$])/g, (_, letter: string) => escapes[letter] ?? "");
}

function closingQuote(text: string, quote: Quote): number {
  for (let at = 1; at < text.length; at++) {
    if (text[at] === "\\" && quote === '"') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

/** The plainest form that every reader takes alike; `undefined` when there is none. */
function formatValue(value: string): string | undefined {
  // Node drops carriage returns, an environment ends at NUL, UTF-8 has no half characters.
  if (/[\r\0\p{Surrogate}]/u.test(value)) return undefined;
  // python-dotenv puts a variable's value in its place, whatever the quotes.
  if (/\$\{[^}]*\}/.test(value)) return undefined;
  if (/^[A-Za-z0-9_./:@%+,=-]*$/.test(value)) return value;
  if (!/['\n\\]/.test(value)) return `'${value}'`;
  // Unquoted, backslashes and inner quotes are themselves for every reader.
  if (!/[\n#\p{Cc}]|^["'`\s]|\s$/u.test(value)) return value;
  // The one escape within double quotes that all readers know is \n.
  if (!/["\\]/.test(value)) return `"${value.replaceAll("\n", "\\n")}"`;
  // Within single quotes python-dotenv takes \\\\ for one backslash, and \\' for no end.
  return /'|\\\\|\\$/.test(value) ? undefined : `'${value}'`;
}
