import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";

const text = { type: "string", demandOption: true } as const;
const setting = { ...text, describe: "a setting, such as system.log_level" } as const;
const app = { ...text, describe: "a name of the configuration, such as template" } as const;
const json = { type: "boolean", default: false, describe: "for programs" } as const;
const restart = {
  type: "boolean",
  default: true,
  describe: "restart what it concerns; --no-restart leaves that for later",
} as const;
const ownKey = {
  type: "boolean",
  default: false,
  describe: "take a key that Helm does not know",
} as const;

/** `helm config …` */
export function addConfig(cli: Argv, checkout: Checkout): Argv {
  addReading(cli, checkout);
  addChanging(cli, checkout);
  addWriting(cli, checkout);
  addHistory(cli, checkout);
  const actions =
    "show, get, explain, set, unset, plan, sync-all, history, undo, write-dotenv, write-conf";
  return cli
    .example("$0 config set system.log_level DEBUG", "a change, and what it takes")
    .example("$0 config history", "who changed what; undo goes back")
    .demandCommand(1, `Name an action: ${actions}.`);
}

function addReading(cli: Argv, checkout: Checkout): void {
  const load = () => import("./config.ts");
  cli
    .command(
      "show",
      "Show all settings, secrets masked",
      (y) => y.example("$0 config show", "as JSON"),
      async () => (await load()).showConfig(checkout),
    )
    .command(
      "get <key>",
      "Show one value",
      (y) =>
        y
          .positional("key", setting)
          .example("$0 config get apps.core.port", "the value alone")
          .example("$0 config get apps.core", "a group of them, secrets masked"),
      async ({ key }) => (await load()).getConfig(checkout, key),
    )
    .command(
      "explain <key>",
      "Say where a value comes from, and what it overrides",
      (y) =>
        y
          .positional("key", {
            ...text,
            describe: "a setting, or with --app a variable or an option of that app",
          })
          .option("app", { type: "string", describe: "whose variable or option it is" })
          .option("json", json)
          .example("$0 config explain CORE_SERVICE_URL --app template", "")
          .example("$0 config explain database.db_name --app core", "")
          .example("$0 config explain system.log_level", "whom it reaches"),
      async ({ key, app, json }) => {
        const { explainConfig } = await import("./config_explain.ts");
        await explainConfig(checkout, key, { app, isJson: json });
      },
    );
}

function addChanging(cli: Argv, checkout: Checkout): void {
  const load = () => import("./config.ts");
  cli
    .command(
      "set <key> [value]",
      "Change a value and restart what it concerns; a secret is read from standard input",
      (y) =>
        y
          .positional("key", setting)
          .positional("value", {
            type: "string",
            describe: "text or JSON; without it, from standard input",
          })
          .option("restart", restart)
          .option("own-key", ownKey)
          .example("$0 config set system.log_level DEBUG", "restarts whom it concerns")
          .example("$0 config set keycloak.admin_password", "asks for it"),
      async ({ key, value, restart, ownKey }) =>
        (await load()).setConfig(checkout, key, value, { restarts: restart, isOwnKey: ownKey }),
    )
    .command(
      "unset <key>",
      "Remove a value, so that its default counts",
      (y) =>
        y
          .positional("key", setting)
          .option("restart", restart)
          .example("$0 config unset apps.template.title", "back to its default"),
      async ({ key, restart }) => (await load()).unsetConfig(checkout, key, { restarts: restart }),
    )
    .command(
      "plan [change..]",
      "Show what sync-all would write and restart, as it is or after a change",
      (y) =>
        y
          .positional("change", {
            type: "string",
            array: true,
            default: [] as string[],
            describe: "a setting and its value, or several such pairs",
          })
          .option("own-key", ownKey)
          .option("json", json)
          .example("$0 config plan", "what sync-all would do now")
          .example("$0 config plan apps.core.port 5100", "what config set would do"),
      async ({ change, json, ownKey }) => {
        const { planConfig } = await import("./config_plan.ts");
        await planConfig(checkout, change, { isJson: json, isOwnKey: ownKey });
      },
    );
}

function addWriting(cli: Argv, checkout: Checkout): void {
  cli
    .command(
      "sync-all",
      "Write every app's files anew where they differ, and restart what it concerns",
      (y) =>
        y
          .option("restart", restart)
          .example("$0 config sync-all", "after the settings were edited by hand"),
      async ({ restart }) => {
        const { applyConfig } = await import("./config_apply.ts");
        await applyConfig(checkout, { restarts: restart });
      },
    )
    .command(
      "write-dotenv <app>",
      "Write one app's .env (and .flaskenv, if it is in Python)",
      (y) =>
        y.positional("app", app).example("$0 config write-dotenv template", "restarts nothing"),
      async ({ app }) => (await import("./config.ts")).writeAppDotenv(checkout, app),
    )
    .command(
      "write-conf <app>",
      "Write one app's instance/<app>.conf",
      (y) =>
        y.positional("app", app).example("$0 config write-conf template", "keeps other sections"),
      async ({ app }) => (await import("./config.ts")).writeAppConf(checkout, app),
    );
}

function addHistory(cli: Argv, checkout: Checkout): void {
  const load = () => import("./config_history.ts");
  cli
    .command(
      "history",
      "Show who changed which settings, the newest first",
      (y) => y.option("json", json).example("$0 config history", "with the IDs for undo"),
      async ({ json }) => (await load()).showHistory(checkout, { isJson: json }),
    )
    .command(
      "undo [back]",
      "Go back to former settings, which is a change that can be undone",
      (y) =>
        y
          .positional("back", {
            type: "string",
            default: "1",
            describe: "how many changes, or an id of the history: back to how it was after it",
          })
          .option("restart", restart)
          .example("$0 config undo", "the last change")
          .example("$0 config undo c12", "how it was after change c12"),
      async ({ back, restart }) => (await load()).undoConfig(checkout, back, { restarts: restart }),
    );
}
