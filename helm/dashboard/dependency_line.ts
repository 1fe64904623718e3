/** A service's place in the drawing. */
export interface Box {
  readonly name: string;
  /** Its row, from above. */
  readonly level: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** SVG paths. */
export interface Line {
  readonly path: string;
  readonly head: string;
}

export interface Drawing {
  readonly rows: readonly (readonly Box[])[];
  readonly width: number;
  readonly gap: { readonly x: number; readonly y: number };
}

/** What stands between the rows of two boxes is gone around, so that no line runs behind a box. */
export function lineBetween(from: Box, to: Box, { rows, width, gap }: Drawing): Line {
  const bend = gap.y * 0.6;
  const endX = to.x + to.width / 2;
  let [x, y] = [from.x + from.width / 2, from.y + from.height];
  let path = `M${x} ${y}`;
  const curveTo = (nextX: number, nextY: number, ahead: number) => {
    path += `C${x} ${y + bend} ${nextX} ${nextY + ahead - bend} ${nextX} ${nextY}`;
    [x, y] = [nextX, nextY];
  };
  for (const row of rows.slice(from.level + 1, to.level)) {
    const [first] = row;
    if (first === undefined) continue;
    curveTo(findGap(row, { width, gap, near: [x, endX] }), first.y, 0);
    y = first.y + first.height;
    path += `V${y}`;
  }
  // The head's tip touches the box.
  curveTo(endX, to.y - 6, 6);
  return { path, head: `M${endX - 4} ${to.y - 8}h8l-4 7z` };
}

/** The way through a row that is the shortest detour. */
function findGap(
  row: readonly Box[],
  { width, gap, near }: Omit<Drawing, "rows"> & { readonly near: readonly number[] },
): number {
  const half = gap.x / 2;
  const gaps = row.flatMap((box) => [box.x - half, box.x + box.width + half]);
  const detour = (x: number) => near.reduce((sum, other) => sum + Math.abs(x - other), 0);
  const [best = 0] = gaps.filter((x) => x > 0 && x < width).sort((a, b) => detour(a) - detour(b));
  return best;
}
