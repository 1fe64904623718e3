type Command = readonly [string, ...string[]];

/**
 * How a service of ours is started, in its own folder.
 *
 * Small V8 spaces: these processes idle most of the time, and measured over all of them this takes
 * a tenth off their resident memory. Node's worker threads for garbage collection each keep an
 * allocator arena of their own.
 */
export function nodeCommand(service: string): Command {
  const semiSpace = semiSpaceMegabytes[service] ?? 1;
  return [
    process.execPath,
    `--max-semi-space-size=${semiSpace}`,
    "--v8-pool-size=1",
    ...(heapFlags[service] ?? []),
    "--import",
    "tsx",
    "main.ts",
  ];
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
