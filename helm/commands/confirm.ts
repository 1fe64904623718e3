import { createInterface } from "node:readline/promises";

/**
 * Asks at the terminal; only "y" or "yes" is a yes.
 *
 * @throws {Error} where there is no terminal to ask at
 */
export async function confirm(question: string): Promise<boolean> {
  const { stdin, stderr } = process;
  if (stdin.isTTY !== true) {
    throw new Error("there is no terminal to ask at; --yes does it without a question");
  }
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
