/** Prometheus' text format 0.0.4, one metric after the other. */
export class PrometheusText {
  #text = "";

  /** @param help one line, in words */
  metric(
    name: string,
    type: "counter" | "gauge" | "histogram",
    help: string,
    samples: readonly Sample[],
  ): void {
    if (samples.length === 0) return;
    this.#text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const { suffix = "", labels = {}, value } of samples) {
      this.#text += `${name}${suffix}${formatLabels(labels)} ${formatValue(value)}\n`;
    }
  }

  toString(): string {
    return this.#text;
  }
}

export interface Sample {
  /** `_bucket`, `_sum` and `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @param boundsSeconds upper bounds @param counts how many fell into each, and beyond the last */
export function histogramSamples(
  labels: Readonly<Record<string, string>>,
  boundsSeconds: readonly number[],
  counts: readonly number[],
  sumSeconds: number,
): Sample[] {
  // Prometheus' buckets hold what the ones before hold, too.
  let below = 0;
  const buckets = counts.map((count, i) => {
    below += count;
    const le = boundsSeconds[i] === undefined ? "+Inf" : String(boundsSeconds[i]);
    return { suffix: "_bucket", labels: { ...labels, le }, value: below };
  });
  return [
    ...buckets,
    { suffix: "_sum", labels, value: sumSeconds },
    { suffix: "_count", labels, value: below },
  ];
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return escapeHelp(value).replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function formatValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
