// The command line of an installation; scripts/helm starts it. Exit status: 0, 1 failed, 2 wrong usage.
import { completionRequest, printOffers } from "./commands/completion.ts";
import { createCheckout } from "./config/checkout.ts";

// `helm logs | head`: who reads no further has seen enough, and that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const [first, ...others] = process.argv.slice(2);
if (first === completionRequest) {
  await printOffers(createCheckout(), others);
  // Whatever has not been answered by now is not waited for.
  process.exit();
}
// Loaded only here: Tab needs no yargs.
const { runHelm } = await import("./commands/command_line.ts");
await runHelm(process.argv.slice(2), createCheckout());
