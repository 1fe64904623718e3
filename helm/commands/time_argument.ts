const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * A moment as people give it: `90s`, `15m`, `2h`, `3d` ago, or a date and time (UTC unless it says).
 *
 * @returns milliseconds since 1970
 * @throws {Error} for anything else
 */
export function readMoment(option: string, text: string, nowMs: number = Date.now()): number {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text.trim()) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (units[unit] ?? 0) * 1000;
  const hasTime = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text);
  if (hasTime || /^\d{4}-\d\d-\d\d$/.test(text)) {
    const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(text);
    const atMs = Date.parse(hasTime && !hasZone ? `${text}Z` : text);
    if (!Number.isNaN(atMs)) return atMs;
  }
  throw new Error(
    `${option} is "${text}": it has to be how long ago (90s, 15m, 2h, 3d) or a time (2026-11-26 20:15)`,
  );
}
