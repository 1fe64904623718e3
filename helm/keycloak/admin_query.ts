import { HttpError } from "@hivematrix/lib/http_error";

/** Which part of a list is asked for; as with Keycloak, a negative `max` is no limit. */
export function readPaging(query: URLSearchParams): { first: number; max: number } {
  const first = readNumber(query, "first", 0);
  const max = readNumber(query, "max", 100);
  return { first: Math.max(0, first), max: max < 0 ? 2 ** 31 - 1 : max };
}

export function readFlag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  return value === null ? undefined : value === "true";
}

function readNumber(query: URLSearchParams, name: string, fallback: number): number {
  const value = query.get(name);
  if (value === null) return fallback;
  if (/^-?\d{1,9}$/.test(value)) return Number(value);
  throw new HttpError(400, `${name} must be a whole number`);
}
