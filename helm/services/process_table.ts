import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

/** A living process, as the kernel tells it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  /** Tells it from a later process with the same pid, also across reboots. */
  readonly startTime: string;
  readonly cpuSeconds: number;
}

/** The process with that pid. Zombies count as gone: they are dead and wait for their parent only. */
export async function readProcess(pid: number): Promise<ProcessEntry | undefined> {
  if (process.platform === "linux") return readFromProc(pid);
  return (await listWithPs(["-p", String(pid)]))[0];
}

/** All living processes that this user may see. */
export async function readProcesses(): Promise<ProcessEntry[]> {
  if (process.platform !== "linux") return listWithPs(["-ax"]);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readFromProc(Number(name)))
    .filter((entry) => entry !== undefined);
}

// Reads of /proc are answered by the kernel from memory: done at once they neither block nor cost
// the trip through Node's thread pool, which matters for a few hundred of them.
function readFromProc(pid: number): ProcessEntry | undefined {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, "utf8"), readBootId());
  } catch {
    return undefined; // It ended before it could be read.
  }
}

/** Fields as in proc(5), "/proc/pid/stat". Times there are in units of 1/100 s (USER_HZ). */
export function parseProcStat(stat: string, boot: string): ProcessEntry | undefined {
  // The second field, the program's name in parentheses, may itself hold blanks and parentheses.
  const afterName = stat.lastIndexOf(")") + 2;
  const fields = stat.slice(afterName).split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return {
    pid: Number.parseInt(stat, 10),
    parentPid: field(4),
    groupId: field(5),
    startTime: `${boot}/${field(22)}`,
    cpuSeconds: (field(14) + field(15)) / 100,
  };
}

let knownBootId: string | undefined;

export function readBootId(): string {
  knownBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return knownBootId;
}

async function listWithPs(which: readonly string[]): Promise<ProcessEntry[]> {
  const columns = ["pid", "ppid", "pgid", "state", "time", "lstart"];
  const format = columns.flatMap((column) => ["-o", `${column}=`]);
  const environment = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  const run = promisify(execFile);
  // With -p, ps ends with status 1 when there is no such process.
  const { stdout } = await run("ps", [...which, ...format], { env: environment }).catch(() => ({
    stdout: "",
  }));
  return stdout
    .split("\n")
    .map(parsePsLine)
    .filter((entry) => entry !== undefined);
}

/** A line of `ps -o pid=,ppid=,pgid=,state=,time=,lstart=`; times as [[dd-]hh:]mm:ss[.cc]. */
export function parsePsLine(line: string): ProcessEntry | undefined {
  const [pid, parentPid, groupId, state = "", time = "", ...start] = line.trim().split(/\s+/);
  if (pid === undefined || pid === "" || state.startsWith("Z")) return undefined;
  return {
    pid: Number(pid),
    parentPid: Number(parentPid),
    groupId: Number(groupId),
    startTime: start.join(" "),
    cpuSeconds: readClock(time),
  };
}

function readClock(text: string): number {
  const [days, clock] = text.includes("-") ? text.split("-") : ["0", text];
  const seconds = (clock ?? "").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return Number(days) * 86_400 + seconds;
}
