import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/**
 * One line from standard input: typed unseen at a terminal, or the first line of what is piped in.
 *
 * @throws {Error} when there is none
 */
export async function readSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  const isTerminal = stdin.isTTY === true;
  if (isTerminal) stderr.write(question);
  // readline echoes to its output, so at a terminal that output leads nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: isTerminal });
  try {
    for await (const line of lines) if (line !== "") return line;
  } finally {
    lines.close();
    if (isTerminal) stderr.write("\n");
  }
  const what = question.replace(/: *$/, "");
  throw new Error(`Cannot read "${what}" from standard input: it is empty`);
}
