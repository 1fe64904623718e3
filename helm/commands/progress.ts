import { setTimeout as pause } from "node:timers/promises";
import type { ControlClient } from "../control/control_client.ts";
import { withoutFigure } from "../services/progress_text.ts";
import type { ServiceStatus } from "../services/service_status.ts";
import { print } from "./output.ts";

/** What passes faster than this is no news to whoever waits. */
const lookEveryMs = 1500;

/** Does what takes a while, and says meanwhile what the services are busy with. */
export async function withProgress<T>(
  { status }: Pick<ControlClient, "status">,
  act: () => Promise<T>,
): Promise<T> {
  const waiting = new AbortController();
  const readStatus = async () => (await status()).services;
  void reportProgress(readStatus, (line) => print(line), waiting.signal);
  try {
    return await act();
  } finally {
    waiting.abort();
  }
}

/**
 * Says what services are busy with while somebody waits for them: what lasts longer than a moment,
 * each thing once ("keycloak: building Keycloak 26.7.3").
 *
 * @param readStatus what it throws ends the report: whoever waits learns it in another way
 */
export async function reportProgress(
  readStatus: () => Promise<readonly ServiceStatus[]>,
  say: (line: string) => void,
  signal: AbortSignal,
  everyMs: number = lookEveryMs,
): Promise<void> {
  const said = new Set<string>();
  let before: readonly string[] = [];
  while (!signal.aborted) {
    await pause(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const services = await readStatus().catch(() => undefined);
    if (services === undefined) return;
    const now = services.flatMap(describeStart);
    for (const line of now) {
      if (said.has(line) || !before.includes(line)) continue;
      said.add(line);
      say(line);
    }
    before = now;
  }
}

function describeStart({ name, activity }: ServiceStatus): string[] {
  return activity === undefined ? [] : [`${name}: ${withoutFigure(activity)}`];
}
