/** How a service of ours is started, in its own folder. */
export const nodeCommand: readonly [string, ...string[]] = [
  process.execPath,
  "--import",
  "tsx",
  "main.ts",
];
