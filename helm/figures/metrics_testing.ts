// For tests: Prometheus' text format 0.0.4, read strictly.
import assert from "node:assert/strict";

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadMetric {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly ReadSample[];
}

/** @throws {AssertionError} at the first line that is not as the format says */
export function parseMetrics(text: string): Map<string, ReadMetric> {
  assert.ok(text.endsWith("\n"), "the last line has to end");
  const metrics = new Map<string, ReadMetric & { samples: ReadSample[] }>();
  let current = "";
  let help = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (comment?.[1] === "HELP") {
      current = comment[2] ?? "";
      help = comment[3] ?? "";
    } else if (comment?.[1] === "TYPE") {
      assert.equal(comment[2], current, `TYPE without its HELP: ${line}`);
      assert.match(comment[3] ?? "", /^(counter|gauge|histogram)$/);
      assert.ok(!metrics.has(current), `${current} comes twice`);
      metrics.set(current, { help, type: comment[3] ?? "", samples: [] });
    } else {
      const sample = parseSample(line);
      const metric = metrics.get(current);
      assert.ok(metric !== undefined && belongs(sample.name, current, metric.type), line);
      metric.samples.push(sample);
    }
  }
  const seen = new Set<string>();
  for (const [name, { type, samples }] of metrics) {
    if (type === "counter") assert.match(name, /_total$/);
    if (type === "histogram") requireHistogram(samples);
    for (const sample of samples) {
      const key = JSON.stringify([sample.name, sample.labels]);
      assert.ok(!seen.has(key), `${key} comes twice`);
      seen.add(key);
    }
  }
  return metrics;
}

function belongs(sample: string, metric: string, type: string): boolean {
  if (type !== "histogram") return sample === metric;
  return ["_bucket", "_sum", "_count"].some((suffix) => sample === metric + suffix);
}

function parseSample(line: string): ReadSample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  assert.ok(match, `no sample: ${line}`);
  const [, name = "", inner = "", text = ""] = match;
  const labels: Record<string, string> = {};
  const pair = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
  while (pair.lastIndex < inner.length) {
    const found = pair.exec(inner);
    assert.ok(found, `labels cannot be read: ${line}`);
    labels[found[1] ?? ""] = (found[2] ?? "").replaceAll(/\\(.)/g, (_, c: string) =>
      c === "n" ? "\n" : c,
    );
  }
  const value = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
  assert.ok(!Number.isNaN(value), `no value: ${line}`);
  return { name, labels, value };
}

/** Buckets grow, the last one is +Inf, and as large as the count. */
function requireHistogram(samples: readonly ReadSample[]): void {
  const byLabels = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const { le, ...others } = sample.labels;
    const key = JSON.stringify(others);
    byLabels.set(key, [...(byLabels.get(key) ?? []), sample]);
  }
  for (const [key, group] of byLabels) {
    const buckets = group.filter(({ name }) => name.endsWith("_bucket"));
    const bounds = buckets.map(({ labels: { le = "" } }) =>
      le === "+Inf" ? Infinity : Number(le),
    );
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
      key,
    );
    assert.equal(bounds.at(-1), Infinity, key);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      key,
    );
    assert.equal(group.find(({ name }) => name.endsWith("_count"))?.value, counts.at(-1), key);
    assert.ok(
      group.some(({ name }) => name.endsWith("_sum")),
      key,
    );
  }
}
