// The command line of an installation; scripts/helm starts it. Exit status: 0, 1 failed, 2 wrong usage.
import { hideBin } from "yargs/helpers";
import { runHelm } from "./commands/command_line.ts";
import { createCheckout } from "./config/checkout.ts";

// `helm logs | head`: who reads no further has seen enough, and that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

await runHelm(hideBin(process.argv), createCheckout());
