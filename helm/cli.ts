// The command line of an installation; scripts/helm starts it. Exit status: 0, 1 failed, 2 wrong usage.
import { hideBin } from "yargs/helpers";
import { runCommandLine } from "./commands/command_line.ts";
import { printServices } from "./commands/completion.ts";
import { explainFailure } from "./commands/explain_failure.ts";
import { print } from "./commands/output.ts";
import { UsageError } from "./commands/usage_error.ts";
import { createCheckout } from "./config/checkout.ts";

// `helm logs | head`: who reads no further has seen enough, and that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const checkout = createCheckout();
const [request, ...words] = hideBin(process.argv);
try {
  if (request === "--get-yargs-completions") printServices(checkout, words);
  const text = await runCommandLine(hideBin(process.argv), checkout);
  if (text !== "") print(text);
} catch (error) {
  process.stderr.write(`${explainFailure(error, checkout)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
