// For tests of workers.ts: a worker that serves nothing, and does as the environment tells it.
import { PrimaryLink } from "./primary_link.ts";

const { WORKER_DIES, WORKER_HANGS } = process.env;

process.on("SIGHUP", () => console.log("reloads"));
process.on("SIGTERM", () => {
  if (WORKER_DIES !== "never") process.exit(0);
});
const primary = new PrimaryLink();
await primary.untilStart();
console.log("starts");
if (WORKER_DIES === "before it listens") process.exit(3);
primary.sayListens();
if (WORKER_DIES === "when it listens") setTimeout(() => process.exit(1), 20);
const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
if (WORKER_HANGS === "yes") setTimeout(hang, 20);
