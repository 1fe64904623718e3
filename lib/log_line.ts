// How a line of the log looks: JSON that no value can break, forge or use to drive a terminal.

type Members = Readonly<Record<string, unknown>>;

/** What every line begins with; no field takes its place. */
export interface LineHead {
  readonly time: string;
  readonly level: string;
  readonly service: string;
  readonly message: string;
}

/**
 * @param fixed fields that the line's own `fields` replace
 * @returns one line with its end; where the fields cannot be written, it says so instead of throwing,
 *   for a log must never fail its caller
 */
export function formatLine(head: LineHead, fixed: Members, fields: Members): string {
  const { time, level, service, message } = head;
  const start = `{"time":"${time}","level":"${level}","service":${formatName(service)},"message":${formatName(message)}`;
  try {
    return `${start}${formatMembers(fixed, fields)}${formatMembers(fields)}}\n`;
  } catch (error) {
    return `${start},"fields_not_written":${formatString(String(error))}}\n`;
  }
}

/** Each with a comma before it, but those that others have: made as text, since merging costs more. */
function formatMembers(members: Members, replacing?: Members): string {
  let text = "";
  for (const key in members) {
    if (isOfHead(key) || (replacing !== undefined && Object.hasOwn(replacing, key))) continue;
    const value = formatValue(members[key]);
    // JSON has no words for functions, symbols and what is not there.
    if (value !== undefined) text += `,${formatName(key)}:${value}`;
  }
  return text;
}

function isOfHead(key: string): boolean {
  return key === "time" || key === "level" || key === "service" || key === "message";
}

/** A busy gateway writes a line a request, and nearly all of its values are short and plain. */
function formatValue(value: unknown): string | undefined {
  if (typeof value === "string") return formatString(value);
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  const text = JSON.stringify(toPlain(value));
  return text === undefined ? undefined : escapeControls(text);
}

/** Names of fields and messages come again and again. */
const names = new Map<string, string>();
const maxNames = 500;

function formatName(name: string): string {
  let text = names.get(name);
  if (text === undefined) {
    text = formatString(name);
    // Where ever new ones come, these are no names.
    if (names.size < maxNames) names.set(name, text);
  }
  return text;
}

function formatString(text: string): string {
  return /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : escapeControls(JSON.stringify(text));
}

/**
 * JSON escapes CR, LF and ESC; these too move cursors, end lines, turn the direction of text or are
 * not to be seen at all: every control and format character of Unicode (Cc, Cf, Zl, Zp), those
 * beyond 16 bits by their halves.
 */
const controls =
  /[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\ud804[\udcbd\udccd]|\ud80d[\udc30-\udc3f]|\ud82f[\udca0-\udca3]|\ud834[\udd73-\udd7a]|\udb40[\udc00-\udc7f]/g;

function escapeControls(text: string): string {
  return text.replace(controls, (found) => {
    let escaped = "";
    for (let i = 0; i < found.length; i++) {
      escaped += `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}

/** The same value with errors readable and without circles. */
function toPlain(value: unknown, above: readonly object[] = []): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[circular]";
  const inner = (item: unknown) => toPlain(item, [...above, value]);
  if (Array.isArray(value)) return value.map(inner);
  if ("toJSON" in value && typeof value.toJSON === "function") return value.toJSON();
  const fields = value instanceof Error ? errorFields(value) : value;
  return Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, inner(item)]));
}

/** Only these: errors of a database carry the query's values, those of a request its tokens. */
function errorFields(error: Error): object {
  const { code } = error as NodeJS.ErrnoException;
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    ...(error instanceof AggregateError ? { errors: error.errors } : {}),
  };
}
