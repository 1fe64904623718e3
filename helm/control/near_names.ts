const mostNamed = 3;

/** Those of the names that somebody may have meant, the nearest first: few, or none. */
export function nearNames(given: string, names: readonly string[]): string[] {
  const wanted = given.toLowerCase();
  const farthest = Math.max(1, Math.floor(wanted.length / 3));
  return names
    .map((name) => ({ name, distance: distanceOf(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= farthest)
    .toSorted((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, mostNamed)
    .map(({ name }) => name);
}

/** `: did you mean "ada" or "adam"?`, or nothing. */
export function didYouMean(given: string, names: readonly string[]): string {
  const near = nearNames(given, names).map((name) => `"${name}"`);
  return near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`;
}

/** How far one is from the other; a name that only goes on, or is part of the other, is near. */
function distanceOf(wanted: string, name: string): number {
  const isPart = wanted.length > 2 && name.includes(wanted);
  return isPart ? 1 : countEdits(wanted, name);
}

/** Letters to add, drop, exchange, or swap with their neighbour (Damerau and Levenshtein). */
function countEdits(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length] ?? 0;
}
