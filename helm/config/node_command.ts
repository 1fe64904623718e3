type Command = readonly [string, ...string[]];

/**
 * How a service of ours is started, in its own folder.
 *
 * Small V8 spaces: these processes idle most of the time, and measured over all of them this takes
 * a tenth off their resident memory. Node's worker threads for garbage collection each keep an
 * allocator arena of their own.
 */
export function nodeCommand(service: string): Command {
  return [process.execPath, ...v8Flags(service), "--import", "tsx", "main.ts"];
}

/** The same for one whose sources are in one compiled file (helm/control/compiled_daemon.ts). */
export function compiledCommand(service: string, file: string): Command {
  return [process.execPath, ...v8Flags(service), file];
}

function v8Flags(service: string): string[] {
  const semiSpace = semiSpaceMegabytes[service] ?? 1;
  return [`--max-semi-space-size=${semiSpace}`, "--v8-pool-size=1", ...(heapFlags[service] ?? [])];
}

/**
 * Who has much to do has more room for what is soon garbage: Nexus uses a tenth less CPU for each
 * request. V8 takes the room only as it is needed.
 */
const semiSpaceMegabytes: Readonly<Record<string, number>> = { nexus: 16 };

/**
 * Helm reads every line that any service logs, which all becomes garbage. Where the heap may not grow
 * far, V8 collects it after a few megabytes instead of some thirty.
 */
const heapFlags: Readonly<Record<string, readonly string[]>> = {
  helm: ["--max-old-space-size=192"],
};
