// The command line, from its words to a command that runs.
import yargs, { type Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { addCommands } from "./command_table.ts";
import { readCommandTree } from "./command_tree.ts";
import { explainFailure } from "./explain_failure.ts";
import { tidyHelp } from "./help_text.ts";
import { print } from "./output.ts";
import { UsageError, usageError } from "./usage_error.ts";

/** Runs one command, and says what went wrong if something did; the exit status tells it too. */
export async function runHelm(words: readonly string[], checkout: Checkout): Promise<void> {
  try {
    const text = await runCommandLine(words, checkout);
    if (text !== "") print(text);
  } catch (error) {
    process.stderr.write(`${explainFailure(error, checkout)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/**
 * Runs one command.
 *
 * @param words without the program's name
 * @returns what is to be printed beside what the command prints itself: help, completions
 * @throws {UsageError} for a command line that nobody can follow @throws {Error} from the command
 */
export async function runCommandLine(
  words: readonly string[],
  checkout: Checkout,
): Promise<string> {
  const cli: Argv = yargs([...words])
    .scriptName("helm")
    .usage("$0 <command>: runs a HiveMatrix installation")
    .strict()
    .recommendCommands()
    .demandCommand(1, "Name a command.")
    .version(false)
    .help()
    .alias("help", "h")
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      // yargs has a message of its own only for wrong usage; what a command threw comes without one.
      throw message ? usageError(message, cli, { words, tree: readCommandTree(checkout) }) : error;
    });
  addCommands(cli, checkout);
  if (words.length === 0) throw new UsageError(tidyHelp(await cli.getHelp()));
  let printed = "";
  await cli.parseAsync([...words], {}, (_error, _argv, output) => {
    printed = output;
  });
  return tidyHelp(printed);
}
