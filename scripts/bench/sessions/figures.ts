// What the parts of the benchmark find, and the table that shows it.

/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** The most that it may be; for what goals/issue 3 says nothing about, none. */
  readonly goal?: number;
}

export type Unit = "ms" | "µs" | "/s" | "bytes" | "×";

export function formatTable(figures: readonly Figure[]): string {
  const lines = figures.map(({ what, value, unit, goal }) => {
    const goalCell = goal === undefined ? "" : `≤ ${format(goal, unit)}`;
    const isMissed = goal !== undefined && !(value <= goal);
    return `| ${what} | ${format(value, unit)} | ${goalCell}${isMissed ? " **missed**" : ""} |`;
  });
  return ["| sessions | measured | goal |", "|---|---:|---:|", ...lines].join("\n");
}

function format(value: number, unit: Unit): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}

/** @param share 0.5 for the median, 0.99 for what 99 of 100 stay below (nearest rank) */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
