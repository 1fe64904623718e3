import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";

/** `helm config …` */
export function addConfig(cli: Argv, checkout: Checkout): Argv {
  const text = { type: "string", demandOption: true } as const;
  const load = () => import("./config.ts");
  return cli
    .command("show", "Show all settings, secrets masked", {}, async () => {
      await (await load()).showConfig(checkout);
    })
    .command(
      "get <key>",
      "Show one value",
      (y) => y.positional("key", text).example("$0 config get apps.core.port", ""),
      async ({ key }) => (await load()).getConfig(checkout, key),
    )
    .command(
      "set <key> [value]",
      "Change a value; a secret is read from standard input",
      (y) =>
        y
          .positional("key", text)
          .positional("value", { type: "string" })
          .example("$0 config set system.log_level DEBUG", "")
          .example("$0 config set keycloak.admin_password", "asks for it"),
      async ({ key, value }) => (await load()).setConfig(checkout, key, value),
    )
    .command(
      "unset <key>",
      "Remove a value",
      (y) => y.positional("key", text),
      async ({ key }) => (await load()).unsetConfig(checkout, key),
    )
    .command("sync-all", "Write every app's files anew where they differ", {}, async () => {
      await (await load()).syncConfig(checkout);
    })
    .command(
      "write-dotenv <app>",
      "Write one app's .env",
      (y) => y.positional("app", text),
      async ({ app }) => (await load()).writeAppDotenv(checkout, app),
    )
    .command(
      "write-conf <app>",
      "Write one app's instance/<app>.conf",
      (y) => y.positional("app", text),
      async ({ app }) => (await load()).writeAppConf(checkout, app),
    )
    .demandCommand(1, "Name an action: show, get, set, unset, sync-all, write-dotenv, write-conf.");
}
