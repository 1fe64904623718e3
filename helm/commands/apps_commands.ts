// helm apps, install, update, uninstall and new: what the command line understands about apps.
import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { requireWhole } from "./argument_checks.ts";

export function addApps(cli: Argv, checkout: Checkout): void {
  cli.command(
    "apps",
    "Show which apps are installed, and which could be",
    (y) =>
      y
        .option("check", {
          type: "boolean",
          default: false,
          describe: "ask their repositories for updates",
        })
        .option("json", { type: "boolean", default: false, describe: "for programs" })
        .example("$0 apps --check", "with what is new"),
    async ({ check, json }) => {
      const { showApps } = await import("./apps.ts");
      await showApps(checkout, { isChecking: check, isJson: json });
    },
  );
  addInstall(cli, checkout);
  addUpdate(cli, checkout);
  addUninstall(cli, checkout);
  cli.command(
    "new <name>",
    "Make a new service, a copy of Template",
    (y) =>
      y
        .positional("name", {
          type: "string",
          demandOption: true,
          describe: "of a-z, 0-9, - and _; its address and its folder, too",
        })
        .example("$0 new timesheets", "at /timesheets/, its code in apps/timesheets"),
    async ({ name }) => {
      const { makeNewApp } = await import("./new.ts");
      await makeNewApp(checkout, name);
    },
  );
}

function addInstall(cli: Argv, checkout: Checkout): void {
  cli.command(
    "install <app>",
    "Install an app of the registry, or from a git repository",
    (y) =>
      y
        .positional("app", {
          type: "string",
          demandOption: true,
          describe: 'a name that "helm apps" lists, a git URL, or a folder',
        })
        .option("name", { type: "string", describe: "its name here; else the repository's" })
        .option("ref", { type: "string", describe: "a branch, a tag or a commit" })
        .option("port", { type: "number", describe: "this port and no other" })
        .option("runtime", {
          choices: ["node", "python"] as const,
          describe: "main.ts with Node, or run.py with Python",
        })
        .option("database", {
          choices: ["postgresql", "none"] as const,
          describe: "whether it gets a database of its own",
        })
        .option("title", { type: "string", describe: "what the navigation calls it" })
        .option("yes", {
          type: "boolean",
          default: false,
          describe: "install what it needs as well, without a question",
        })
        .check(({ port }) => port === undefined || requireWhole("--port", port, 65_535))
        .example("$0 install codex", "from the registry")
        .example("$0 install ../rota", "a folder with a git repository")
        .example("$0 install https://git.example.org/team/rota.git --ref v2.1", ""),
    async ({ app, name, ref, port, runtime, database, title, yes }) => {
      const { install } = await import("./install.ts");
      const wishes = { name, ref, port, runtime, database, title };
      if (!(await install(checkout, app, wishes, { isSure: yes }))) process.exitCode = 1;
    },
  );
}

function addUpdate(cli: Argv, checkout: Checkout): void {
  cli.command(
    "update [app..]",
    "Bring apps to the newest version of what they are pinned to",
    (y) =>
      y
        .positional("app", {
          type: "string",
          array: true,
          default: [] as string[],
          describe: 'a name of "helm apps"; several are good',
        })
        .option("all", { type: "boolean", default: false, describe: "every app with a repository" })
        .option("ref", { type: "string", describe: "another branch, tag or commit from now on" })
        .option("force", {
          type: "boolean",
          default: false,
          describe: "put what was changed by hand aside, on a branch",
        })
        .check(({ app, all, ref }) => {
          if (all === app.length > 0) throw new Error("name an app, or all of them with --all");
          if (ref !== undefined && app.length !== 1) throw new Error("--ref is for a single app");
          return true;
        })
        .example("$0 update codex", "goes back by itself when that fails")
        .example("$0 update codex --ref v2.2", "stays with that tag from now on")
        .example("$0 update --all", "one after the other"),
    async ({ app, all, ref, force }) => {
      const { update } = await import("./install.ts");
      const isFine = await update(checkout, all ? undefined : app, { ref, isForced: force });
      if (!isFine) process.exitCode = 1;
    },
  );
}

function addUninstall(cli: Argv, checkout: Checkout): void {
  cli.command(
    "uninstall <app>",
    "Take an app away; its data is kept",
    (y) =>
      y
        .positional("app", {
          type: "string",
          demandOption: true,
          describe: 'a name of "helm apps"',
        })
        .option("delete-data", {
          type: "boolean",
          default: false,
          describe: "its database and files too",
        })
        .option("force", {
          type: "boolean",
          default: false,
          describe: "discard what was changed by hand in its code",
        })
        .option("yes", { type: "boolean", default: false, describe: "delete without a question" })
        .example("$0 uninstall codex", "a later install takes its data up again"),
    async ({ app, deleteData, force, yes }) => {
      const { uninstall } = await import("./install.ts");
      const options = { deletesData: deleteData, isForced: force, isSure: yes };
      if (!(await uninstall(checkout, app, options))) process.exitCode = 1;
    },
  );
}
