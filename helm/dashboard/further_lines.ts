import { readLogRecord } from "../control/log_record.ts";
import type { FoundLine } from "../logs/stored_search.ts";

/**
 * The newest first, but a line and those that go on with it, as those of a stack trace do, in the order
 * in which they were written.
 *
 * @param lines the newest first
 */
export function keepTogether(lines: readonly FoundLine[]): FoundLine[] {
  const ordered: FoundLine[] = [];
  let further: FoundLine[] = [];
  for (const line of lines) {
    const [last] = further;
    const isOfLast =
      last === undefined || (last.service === line.service && last.atMs === line.atMs);
    const isFurther = readLogRecord(line.line) === undefined;
    if (!isOfLast || !isFurther) {
      ordered.push(...(isOfLast ? [line, ...further.reverse()] : further.reverse()));
      further = [];
      if (isOfLast) continue;
    }
    if (isFurther) further.push(line);
    else ordered.push(line);
  }
  return [...ordered, ...further.reverse()];
}
