import type { AppServices, OperationParts } from "./operation_parts.ts";

/** Whoever starts does not listen at first; that is no news unless it lasts. */
const tellEveryMs = 3000;

/**
 * Starts an app and waits until it is ready; whoever watches hears what it is waiting for.
 *
 * @throws {Error} saying why it does not become ready, after the end of its log was shown
 */
export async function startApp(
  { say }: Pick<OperationParts, "say">,
  services: AppServices,
  app: string,
): Promise<void> {
  await services.start(app);
  let reason = "";
  let told = "";
  const timer = setInterval(() => {
    if (reason !== told) say(`  ${reason}`);
    told = reason;
  }, tellEveryMs);
  try {
    await services.waitUntilReady(app, (now) => {
      reason = now;
    });
  } catch (error) {
    const lines = await services.lastLines(app);
    if (lines.length > 0) say("The end of its log:");
    for (const line of lines) say(`  ${line}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
  say("It is ready.");
}
