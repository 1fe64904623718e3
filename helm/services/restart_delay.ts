import type { SupervisionTimes } from "./supervision_times.ts";

/** How long to wait before the restart after so many deaths in a row; none after a long life. */
export function restartDelay(
  deathsInARow: number,
  { restartDelaysMs }: Pick<SupervisionTimes, "restartDelaysMs">,
): number {
  if (deathsInARow === 0) return 0;
  return restartDelaysMs[deathsInARow - 1] ?? restartDelaysMs.at(-1) ?? 0;
}
