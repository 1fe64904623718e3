import { type Colour, hasColours, paint } from "./output.ts";

export interface TableRow {
  readonly cells: readonly string[];
  /** By column. */
  readonly colours?: readonly (Colour | undefined)[];
  /** Stands below the row. */
  readonly note?: string;
}

/** A column is not made narrower than this. */
const leastWidth = 6;

/**
 * Columns as wide as what stands in them. At a terminal that is narrower, the widest are cut, but for the
 * first, whose names and IDs commands take; notes go on in the next line.
 *
 * @param width of the terminal; `undefined` in a pipe or a file, where nothing is cut
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly TableRow[],
  isColoured: boolean = hasColours(),
  width: number | undefined = process.stdout.isTTY ? process.stdout.columns : undefined,
): string {
  const shown = rows.map(({ cells, note = "", ...row }) => ({
    ...row,
    cells: cells.map(withoutControls),
    note: withoutControls(note),
  }));
  const wanted = columns.map((name, i) =>
    Math.max(name.length, ...shown.map(({ cells }) => cells[i]?.length ?? 0)),
  );
  const widths = fit(wanted, columns, width);
  const line = ({ cells, colours = [] }: TableRow) =>
    cells
      .map((cell, i) => {
        const padded = cut(cell, widths[i] ?? 0).padEnd(widths[i] ?? 0);
        return colours[i] === undefined ? padded : paint(padded, colours[i], isColoured);
      })
      .join(gap)
      .trimEnd();
  const body = shown.flatMap((row) => [
    line(row),
    ...wrap(row.note, width).map((text) => `  ${paint(text, "dim", isColoured)}`),
  ]);
  return [line({ cells: columns.map((name) => name.toUpperCase()) }), ...body].join("\n");
}

const gap = "  ";

function fit(
  wanted: readonly number[],
  columns: readonly string[],
  width = Number.POSITIVE_INFINITY,
): readonly number[] {
  const widths = [...wanted];
  const total = () => widths.reduce((sum, each) => sum + each, gap.length * (widths.length - 1));
  const canShrink = (i: number) =>
    i > 0 && (widths[i] ?? 0) > Math.max(leastWidth, columns[i]?.length ?? 0);
  while (total() > width) {
    const candidates = widths.map((_, i) => i).filter(canShrink);
    if (candidates.length === 0) return widths;
    const widest = candidates.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Between words, for a terminal; a word that is longer than a line stays whole. */
function wrap(text: string, width = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length + 3 <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else if (word !== "" || lines.length > 0) lines.push(word);
  }
  return lines;
}

/** What others chose for a name could move the cursor or turn the text around (U+202E). */
function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}
