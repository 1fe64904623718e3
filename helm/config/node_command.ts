/**
 * How a service of ours is started, in its own folder.
 *
 * Small V8 spaces: these processes idle most of the time, and measured over all of them this takes
 * a tenth off their resident memory. Node's worker threads for garbage collection each keep an
 * allocator arena of their own.
 */
export const nodeCommand: readonly [string, ...string[]] = [
  process.execPath,
  "--max-semi-space-size=1",
  "--v8-pool-size=1",
  "--import",
  "tsx",
  "main.ts",
];
