import type { Load } from "./load.ts";

/** One contender in one round. */
export interface Measured {
  readonly load: Load;
  /** Of the gateway's processes, per request. */
  readonly cpuMicroseconds: number;
  readonly besideMicroseconds: number;
}

/** A table of medians over the rounds, as Markdown. */
export function scenarioTable(scenario: string, found: ReadonlyMap<string, Measured[]>): string {
  const lines = [
    `\n### ${scenario}\n`,
    "| gateway | CPU µs per request | requests/s | p50 ms | p99 ms |",
    "|---|---:|---:|---:|---:|",
  ];
  for (const [name, rounds] of found) {
    const of = (read: (measured: Measured) => number) => median(rounds.map(read));
    const beside = of(({ besideMicroseconds }) => besideMicroseconds);
    const cpu = of(({ cpuMicroseconds }) => cpuMicroseconds).toFixed(1);
    const cells = [
      name,
      beside > 0 ? `${cpu} + ${beside.toFixed(1)}` : cpu,
      of(({ load }) => load.durationsMs.length / load.seconds).toFixed(0),
      of(({ load }) => percentile(load.durationsMs, 0.5)).toFixed(2),
      of(({ load }) => percentile(load.durationsMs, 0.99)).toFixed(2),
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

/** Resident memory above that before, at its highest. @param bytes by gateway */
export function growthTable(bytes: ReadonlyMap<string, number>): string {
  const rows = [...bytes].map(([name, growth]) => `| ${name} | ${(growth / 2 ** 20).toFixed(0)} |`);
  return ["\n### 1 GiB downloaded\n", "| gateway | growth MiB |", "|---|---:|", ...rows].join("\n");
}

/** @param sorted in ascending order */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
