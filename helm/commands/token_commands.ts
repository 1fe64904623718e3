import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { requireText } from "./argument_checks.ts";

/** `helm token` */
export function addToken(cli: Argv, checkout: Checkout): void {
  cli.command(
    "token <service>",
    "Print a service token, good for five minutes, for trying a service's API",
    (y) =>
      y
        .positional("service", {
          type: "string",
          demandOption: true,
          describe: "whose API; the token is good for no other",
        })
        .option("json", {
          type: "boolean",
          default: false,
          describe: "with its end and the service's address",
        })
        .check(({ service }) => requireText("service", service))
        .example("$0 token template", "prints it, and nothing else")
        .example('curl -H "Authorization: Bearer $($0 token template)" …', "")
        .epilogue(
          "Whoever has it is the service helm, and may do there what services may, which no permission level limits. A person's token comes from a sign-in alone, so there is none to be had here.",
        ),
    async ({ service, json }) => {
      const { showToken } = await import("./token.ts");
      await showToken(checkout, service, { isJson: json });
    },
  );
}
