import { open, stat } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";

/** Where a log ends now; what is read from there on was written later. */
export async function endOfLog(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

/**
 * The line that tells best why a service ended: its last error, else its last line. Of a JSON line
 * the message. One line, without control characters, at most 300 characters.
 *
 * @param from only what was written after this offset
 */
export async function readReason(file: string, from = 0): Promise<string | undefined> {
  return findReason(await readTail(file, from));
}

/** The last error that was written after this offset, as `readReason` gives it. */
export async function readError(file: string, from: number): Promise<string | undefined> {
  return readLines(await readTail(file, from)).findLast((line) => line.isError)?.message;
}

export function findReason(text: string): string | undefined {
  const lines = readLines(text);
  const error = lines.findLast((line) => line.isError) ?? lines.at(-1);
  return error?.message;
}

function readLines(text: string): LogLine[] {
  return text.split("\n").map(readLine).filter(isMeaningful);
}

const tailBytes = 16 * 1024;

async function readTail(file: string, from: number): Promise<string> {
  const log = await open(file).catch(() => undefined);
  if (log === undefined) return "";
  try {
    const { size } = await log.stat();
    // A log that is shorter than it was has been rotated, so all of it is new.
    const start = Math.max(size < from ? 0 : from, size - tailBytes);
    const { buffer, bytesRead } = await log.read(Buffer.alloc(size - start), 0, undefined, start);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await log.close();
  }
}

interface LogLine {
  readonly message: string;
  readonly isError: boolean;
}

function readLine(line: string): LogLine {
  const json = parseJson(line);
  if (typeof json?.["message"] === "string") {
    const isError = /^(error|fatal|critical)$/i.test(String(json["level"]));
    return { message: tidy(json["message"]), isError };
  }
  // "TypeError: x is not a function", "FATAL:  role does not exist", "sh: exec: x: not found"
  const isError = /\b(\w*Error|FATAL|PANIC|ERROR|\w*Exception)\b\S*:|not found$/.test(line);
  return { message: tidy(line), isError };
}

/** Not the stack, source excerpts and closing words that surround the title of an error. */
function isMeaningful({ message }: LogLine): boolean {
  return (
    /\w/.test(message) &&
    !/^(at |Node\.js v|Traceback |File "|HINT:|DETAIL:|For more details run)/.test(message)
  );
}

function tidy(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 300);
}

function parseJson(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
