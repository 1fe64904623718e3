import { HttpError } from "./http_error.ts";

interface BodyLimit {
  /** Larger bodies are refused with 413. Default 64 KiB. */
  maxBodyBytes?: number;
}

const defaultMaxBodyBytes = 64 * 1024;

/**
 * @throws {HttpError} 415 for another media type, charset or compression, 413 when too large, 400
 *   when it is not JSON
 */
export async function readJson(request: Request, limit: BodyLimit = {}): Promise<unknown> {
  requireType(request, "application/json");
  const text = await readText(request, limit);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // The parser's message quotes the body, which may be a token, so only the place is kept.
    const place = /at position \d+/.exec(String(error))?.[0];
    const detail = place === undefined ? "" : ` ${place}`;
    throw new HttpError(400, `Cannot read the body: it is not valid JSON${detail}`);
  }
}

/**
 * A JSON object that has the given members, each a non-empty string.
 *
 * @throws {HttpError} as readJson, and 400 naming the first member that is missing
 */
export async function readJsonFields<K extends string>(
  request: Request,
  names: readonly K[],
  limit: BodyLimit = {},
): Promise<Record<K, string> & Record<string, unknown>> {
  const body = await readJson(request, limit);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new HttpError(400, "Cannot read the body: it must be a JSON object");
  }
  const object = body as Record<string, unknown>;
  for (const name of names) {
    if (typeof object[name] !== "string" || object[name] === "") {
      throw new HttpError(400, `Cannot read the body: "${name}" must be a non-empty string`);
    }
  }
  return object as Record<K, string> & Record<string, unknown>;
}

/** The fields of an HTML form. @throws {HttpError} 415, 413, 400 as readJson */
export async function readForm(request: Request, limit: BodyLimit = {}): Promise<URLSearchParams> {
  requireType(request, "application/x-www-form-urlencoded");
  return new URLSearchParams(await readText(request, limit));
}

function requireType({ headers }: Request, expected: string): void {
  const refuse = (problem: string): never => {
    throw new HttpError(415, `Cannot read the body: ${problem}`);
  };
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  if (type.trim() !== expected) {
    const given = type.trim() === "" ? "is missing" : `is ${type.trim()}`;
    refuse(`Content-Type must be ${expected}, it ${given}`);
  }
  const charset = /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/.exec(
    parameters.find((parameter) => parameter.includes("charset")) ?? "charset=utf-8",
  )?.[1];
  if (charset !== "utf-8" && charset !== "utf8") refuse("its charset must be UTF-8");
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") refuse(`it may not be compressed (Content-Encoding ${encoding})`);
}

async function readText(request: Request, limit: BodyLimit): Promise<string> {
  const { maxBodyBytes = defaultMaxBodyBytes } = limit;
  const tooLarge = () =>
    new HttpError(413, `Cannot read the body: it is larger than ${maxBodyBytes} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBodyBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new HttpError(400, "Cannot read the body: it is not valid UTF-8");
  }
}
