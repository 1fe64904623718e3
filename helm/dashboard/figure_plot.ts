/** A line of values at regular times; `null` is a gap. */
export type PlotPoints = readonly (number | null)[];

export interface PlotLine {
  /** What it shows, where there is more than one: `p95` */
  readonly label: string;
  readonly points: PlotPoints;
}

export interface PlotWish {
  /** Of its elements, on its page. */
  readonly id: string;
  readonly title: string;
  /** From when to when: `last hour` */
  readonly span: string;
  /** Below the plot, from the left. */
  readonly times: readonly string[];
  readonly lines: readonly PlotLine[];
  readonly format: (value: number) => string;
  /** What is said instead where nothing is known. */
  readonly empty?: string;
  /** The scale never ends below this, so that what is next to nothing looks like it. */
  readonly leastTop: number;
}

const width = 600;
const height = 120;
/** Room for half a line's width. */
const margin = 2;
/** How long the line of a single value is. */
const dash = 6;

/** For the view "plot": lines as SVG paths, and what they say in words. */
export function plotView(wish: PlotWish): object {
  const { id, title, span, times, lines, format, leastTop } = wish;
  const top = roundTop(Math.max(leastTop, ...lines.flatMap(({ points }) => known(points))));
  const isKnown = lines.some(({ points }) => known(points).length > 0);
  const isMany = lines.length > 1;
  return {
    id,
    title,
    span,
    times,
    is_known: isKnown,
    empty: wish.empty ?? `Nothing is known of the ${span}.`,
    is_many: isMany,
    width,
    height,
    middle: height / 2,
    scale: [format(top), format(top / 2), "0"],
    summary: lines.map((line) => summary(line, format, isMany)).join(" · "),
    lines: lines.map(({ label, points }, index) => ({
      label,
      modifier: index === 0 ? "first" : "second",
      path: linePath(points, top),
      area: isMany ? "" : areaPath(points, top),
    })),
  };
}

function known(points: PlotPoints): number[] {
  return points.filter((point) => point !== null);
}

/** The next of 1, 2, 5, 10, 20 … at or above a value. */
export function roundTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((each) => each * power >= value * 0.999_999) ?? 10;
  return step * power;
}

/** `now 2.1 %, mean 1.9 %, most 14 %` */
function summary({ label, points }: PlotLine, format: PlotWish["format"], isMany: boolean): string {
  const values = known(points);
  const name = isMany ? `${label} ` : "";
  if (values.length === 0) return `${name}not known`;
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  // The last half minute may not have been told of yet.
  const now = points.at(-1) ?? points.at(-2);
  const parts = [
    ["now", now ?? undefined],
    ["mean", mean],
    ["most", Math.max(...values)],
  ] as const;
  const words = parts.map(
    ([word, value]) => `${word} ${value === undefined ? "–" : format(value)}`,
  );
  return `${name}${words.join(", ")}`;
}

interface Run {
  readonly from: number;
  readonly values: number[];
}

/** What stands between two gaps. */
function runsOf(points: PlotPoints): Run[] {
  const runs: Run[] = [];
  for (const [index, point] of points.entries()) {
    if (point === null) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.from + last.values.length === index) last.values.push(point);
    else runs.push({ from: index, values: [point] });
  }
  return runs;
}

function linePath(points: PlotPoints, top: number): string {
  return runsOf(points)
    .map((run) => `M${coordinates(run, points.length, top).join("L")}`)
    .join("");
}

function areaPath(points: PlotPoints, top: number): string {
  return runsOf(points)
    .map((run) => {
      const places = coordinates(run, points.length, top);
      const [first = ""] = (places[0] ?? "").split(" ");
      const [last = ""] = (places.at(-1) ?? "").split(" ");
      return `M${first} ${height}L${places.join("L")}L${last} ${height}Z`;
    })
    .join("");
}

function coordinates({ from, values }: Run, count: number, top: number): string[] {
  const step = width / Math.max(1, count - 1);
  const y = (value: number) => height - margin - (value / top) * (height - 2 * margin);
  const [value] = values;
  if (values.length === 1 && value !== undefined) {
    // One by itself is a short dash within the plot, or it would not be seen.
    const start = Math.min(from * step, width - dash);
    return [start, start + dash].map((x) => `${short(x)} ${short(y(value))}`);
  }
  return values.map((each, i) => `${short((from + i) * step)} ${short(y(each))}`);
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}
