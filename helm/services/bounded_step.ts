import { pause } from "./pause.ts";

/** Waits for a preparation, but after a stop only for the grace time: it may hang on a network. */
export async function untilDoneOrStopped(
  work: Promise<void> | undefined,
  signal: AbortSignal,
  graceMs: number,
): Promise<void> {
  const isOver = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    const give = () => void pause(graceMs, isOver.signal).then(resolve);
    signal.addEventListener("abort", give, { signal: isOver.signal });
  });
  try {
    await Promise.race([work, stopped]);
  } finally {
    isOver.abort();
  }
}
