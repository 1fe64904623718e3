// How old a process is, by a clock that nobody sets: the wall clock may jump by an hour.
import os from "node:os";
import { type ProcessEntry, readBootId } from "./process_table.ts";

type Start = Pick<ProcessEntry, "startTime">;

/** Whether it was started since this machine was; before, its pid was another's. */
export function isOfThisBoot({ startTime }: Start): boolean {
  if (process.platform === "linux") return startTime.startsWith(`${readBootId()}/`);
  return secondsSince(startTime) <= os.uptime();
}

/** For how long a living process has run. */
export function ageSeconds({ startTime }: Start): number {
  if (process.platform !== "linux") return Math.max(0, secondsSince(startTime));
  const ticks = Number(startTime.slice(startTime.indexOf("/") + 1));
  return Math.max(0, os.uptime() - ticks / 100);
}

/** Of a time as ps tells it. */
function secondsSince(startTime: string): number {
  return (Date.now() - Date.parse(`${startTime} UTC`)) / 1000;
}
