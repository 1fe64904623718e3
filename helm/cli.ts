// The command line of an installation; scripts/helm starts it. Exit status: 0, 1 failed, 2 wrong usage.
import yargs, { type Argv } from "yargs";
import { hideBin } from "yargs/helpers";
import { addCommands } from "./commands/command_table.ts";
import { printServices } from "./commands/completion.ts";
import { tidyHelp } from "./commands/help_text.ts";
import { UsageError, usageError } from "./commands/usage_error.ts";
import { createCheckout } from "./config/checkout.ts";

const words = hideBin(process.argv);
const cli: Argv = yargs(words)
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
    throw message ? usageError(message, cli, words) : error;
  });

// `helm logs | head`: who reads no further has seen enough, and that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

try {
  if (words[0] === "--get-yargs-completions") printServices(createCheckout(), words.slice(1));
  addCommands(cli, createCheckout());
  if (words.length === 0) throw new UsageError(tidyHelp(await cli.getHelp()));
  await cli.parseAsync(words, {}, (_error, _argv, output) => {
    if (output !== "") process.stdout.write(`${tidyHelp(output)}\n`);
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
