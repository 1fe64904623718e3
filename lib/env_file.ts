// Reads and writes `.env` files in the common subset that dotenv readers of other languages share.

/**
 * @param text lines `KEY=value`, `KEY="value"` (with \n, \r, \", \\, \$ escapes) or `KEY='value'` (as it stands)
 * @throws {SyntaxError} naming the line that is none of these
 */
export function parseEnv(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) throw new SyntaxError(`line ${index + 1} is not KEY=value`);
    const [, key = "", raw = ""] = match;
    values[key] = parseValue(raw, index + 1);
  }
  return values;
}

/** The text of a `.env` file that reads back to the same values. */
export function formatEnv(values: Readonly<Record<string, string>>, comment?: string): string {
  const head = comment === undefined ? [] : comment.split("\n").map((line) => `# ${line}`);
  const lines = Object.entries(values).map(([key, value]) => `${key}=${formatValue(value)}`);
  return `${[...head, ...lines].join("\n")}\n`;
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  '"': '"',
  "\\": "\\",
  $: "$",
};

function parseValue(raw: string, line: number): string {
  const quote = raw[0];
  if (quote !== '"' && quote !== "'") return raw.replace(/\s+#.*$/, "");
  const end = closingQuote(raw, quote);
  if (end < 0) throw new SyntaxError(`line ${line} has an opening ${quote} without its end`);
  const inner = raw.slice(1, end);
  return quote === "'" ? inner : inner.replace(/\\([nr"\\$])/g, (_, c: string) => escapes[c] ?? c);
}

function closingQuote(raw: string, quote: string): number {
  for (let at = 1; at < raw.length; at++) {
    if (raw[at] === "\\" && quote === '"') at++;
    else if (raw[at] === quote) return at;
  }
  return -1;
}

function formatValue(value: string): string {
  if (/^[A-Za-z0-9_./:@%+,=-]*$/.test(value)) return value;
  // Single quotes are taken literally by every reader, so they come first.
  if (!/['\r\n\\]/.test(value)) return `'${value}'`;
  const escaped = value
    .replace(/[\\"$]/g, "\\$&")
    .replace(/\n/g, "\\n")
    .replace(/\r/g, "\\r");
  return `"${escaped}"`;
}
