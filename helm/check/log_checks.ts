import { readLogFields } from "../control/log_record.ts";
import { logFile, readLastLines } from "../control/log_tail.ts";
import { type LogPosition, readChunk } from "../logs/log_source.ts";
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
export function checkLoggedTokens(subject: Subject): Finding {
  const { checkout, name, logEnd, tokens, door } = subject;
  if ("problem" in tokens || door.kind !== "closed") return notTried("it was sent no token");
  const file = logFile(checkout.logDir, name);
  const sent = [tokens.own, tokens.foreign].map((token) => token.split(".")[2] ?? "");
  const { count, hasAny } = searchFrom(file, logEnd, sent);
  if (!hasAny) return ok(`none in the ${count} lines of this check`);
  const found = `a token that it was sent stands in ${checkout.display(file)}`;
  return failed(found, "log no Authorization headers");
}

/** In the lines that were written after a position; of very many only in the first. */
function searchFrom(file: string, start: LogPosition, texts: readonly string[]) {
  let position = start;
  let count = 0;
  let hasAny = false;
  for (let chunks = 0; chunks < mostChunks; chunks++) {
    const chunk = readChunk(file, position);
    count += chunk.lines.length;
    hasAny ||= chunk.lines.some((line) => texts.some((text) => line.includes(text)));
    if (hasAny || !chunk.hasMore) break;
    position = chunk.position;
  }
  return { count, hasAny };
}

/** Of about 96 KB each. */
const mostChunks = 100;
