import { open } from "node:fs/promises";
import { readLogFields } from "../control/log_record.ts";
import { logFile, readLastLines } from "../control/log_tail.ts";
import { type Finding, failed, notTried, ok } from "./finding.ts";
import type { Subject } from "./subject.ts";

const looksAt = 50;

/** "As JSON lines if it can" (design §6): what is written with lib can. */
export async function checkLog({ checkout, config, name }: Subject): Promise<Finding> {
  const lines = await readLastLines(checkout.logDir, name, looksAt);
  if (lines.length === 0) return notTried("it has written nothing yet");
  const asJson = lines.filter((line) => readLogFields(line) !== undefined).length;
  if (asJson === lines.length) return ok(`the last ${lines.length} lines are`);
  const isPython = config.apps[name]?.runtime === "python";
  if (asJson > 0 || isPython) {
    const others = lines.length - asJson;
    return ok(`${others} of ${lines.length} lines are plain text, whose level Helm guesses`);
  }
  const found = `none of the last ${lines.length} lines is JSON with a message`;
  return failed(found, "write them with createLog of lib/log.ts");
}

/** No secret that was ever issued appears in a log (design §7); here those that this check sent. */
export async function checkLoggedTokens(subject: Subject): Promise<Finding> {
  const { checkout, name, logEnd, tokens, door } = subject;
  if ("problem" in tokens || door.kind !== "closed") return notTried("it was sent no token");
  const written = await readFrom(logFile(checkout.logDir, name), logEnd);
  const sent = [tokens.own, tokens.foreign].map((token) => token.split(".")[2] ?? "");
  if (!sent.some((signature) => written.includes(signature))) {
    return ok(`none in the ${written.split("\n").length - 1} lines of this check`);
  }
  const file = checkout.display(logFile(checkout.logDir, name));
  return failed(`a token that it was sent stands in ${file}`, "log no Authorization headers");
}

const mostBytes = 4 * 1024 * 1024;

async function readFrom(file: string, start: number): Promise<string> {
  const log = await open(file).catch(() => undefined);
  if (log === undefined) return "";
  try {
    const { size } = await log.stat();
    // Rotation empties the file, so what is in it now is new.
    const from = size < start ? 0 : start;
    const buffer = Buffer.alloc(Math.min(size - from, mostBytes));
    await log.read(buffer, 0, buffer.length, from);
    return buffer.toString("utf8");
  } finally {
    await log.close();
  }
}
