import { type Colour, hasColours, paint } from "./output.ts";

export interface TableRow {
  readonly cells: readonly string[];
  /** By column. */
  readonly colours?: readonly (Colour | undefined)[];
  /** Stands below the row. */
  readonly note?: string;
}

/** Columns as wide as what stands in them. */
export function formatTable(
  columns: readonly string[],
  rows: readonly TableRow[],
  isColoured: boolean = hasColours(),
): string {
  const shown = rows.map(({ cells, note = "", ...row }) => ({
    ...row,
    cells: cells.map(withoutControls),
    note: withoutControls(note),
  }));
  const widths = columns.map((name, i) =>
    Math.max(name.length, ...shown.map(({ cells }) => cells[i]?.length ?? 0)),
  );
  const line = ({ cells, colours = [] }: TableRow) =>
    cells
      .map((cell, i) => {
        const padded = cell.padEnd(widths[i] ?? 0);
        return colours[i] === undefined ? padded : paint(padded, colours[i], isColoured);
      })
      .join("  ")
      .trimEnd();
  const body = shown.flatMap((row) =>
    row.note !== "" ? [line(row), `  ${paint(row.note, "dim", isColoured)}`] : [line(row)],
  );
  return [line({ cells: columns.map((name) => name.toUpperCase()) }), ...body].join("\n");
}

/** What others chose for a name could move the cursor or turn the text around (U+202E). */
function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}
