// The command line of an installation; scripts/helm starts it. Exit status: 0, 1 failed, 2 wrong usage.
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { addCommands } from "./commands/command_table.ts";
import { printServices } from "./commands/completion.ts";
import { createCheckout } from "./config/checkout.ts";

class UsageError extends Error {}

const cli = yargs(hideBin(process.argv))
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
    if (message) throw new UsageError(`${commandName()}: ${message} ("--help" tells more)`);
    throw error;
  });

/** Of the arguments only the command itself: others may hold what is not for a screen. */
function commandName(): string {
  const [command = ""] = hideBin(process.argv);
  return `helm ${command.startsWith("-") ? "" : command}`.trim();
}

// `helm logs | head`: who reads no further has seen enough, and that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const [request, ...words] = hideBin(process.argv);
try {
  if (request === "--get-yargs-completions") printServices(createCheckout(), words);
  await addCommands(cli, createCheckout()).parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
