/** How many questions the identity provider gets at once. */
const atOnce = 8;

/** Like `Promise.all` of a map, but with only a few under way at any time. The order is kept. */
export async function mapFewAtOnce<T, R>(
  items: readonly T[],
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const next = items.entries();
  const work = async () => {
    for (const [i, item] of next) results[i] = await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
