import { pause } from "./pause.ts";
import type { ServiceDefinition, StartStep } from "./service_definition.ts";
import type { SupervisionTimes } from "./supervision_times.ts";

/**
 * Waits for a service's preparation. After a stop only for the grace time, for it may hang on a
 * network; and only as long as it comes on.
 *
 * @throws {Error} what it throws itself, or when nothing has been heard of it for too long
 */
export async function prepareService(
  { prepare }: ServiceDefinition,
  step: StartStep,
  { prepareLimitMs, stopGraceMs }: Pick<SupervisionTimes, "prepareLimitMs" | "stopGraceMs">,
): Promise<void> {
  if (prepare === undefined) return;
  const isOver = new AbortController();
  const isLate = new AbortController();
  const timer = setTimeout(() => isLate.abort(), prepareLimitMs);
  const signal = AbortSignal.any([step.signal, isLate.signal]);
  let last = "";
  const tell = (progress: string) => {
    timer.refresh();
    last = `, the last was: ${progress}`;
    step.tell(progress);
  };
  const tooLate = () =>
    new Error(`nothing was heard of its preparation for ${prepareLimitMs / 1000} s${last}`);
  try {
    await Promise.race([
      prepare({ ...step, tell, signal }),
      graceAfter(signal, stopGraceMs, isOver),
    ]);
  } catch (error) {
    throw isLate.signal.aborted ? tooLate() : error;
  } finally {
    clearTimeout(timer);
    isOver.abort();
  }
  if (isLate.signal.aborted && !step.signal.aborted) throw tooLate();
}

/** Resolves a while after the signal. */
async function graceAfter(
  signal: AbortSignal,
  graceMs: number,
  { signal: isOver }: AbortController,
): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve, { once: true, signal: isOver });
    });
  }
  await pause(graceMs, isOver);
}
