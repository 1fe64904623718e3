// What the command line understands. Each command loads its own code when it runs, so that a quick
// one (status) does not wait for what only a slow one (up) needs.
import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { addApps } from "./apps_commands.ts";
import { requireWhole } from "./argument_checks.ts";
import { addCheck } from "./check_commands.ts";
import { addCompletion } from "./completion_commands.ts";
import { addConfig } from "./config_commands.ts";
import { addIdentity } from "./identity_commands.ts";
import { addLogs } from "./logs_commands.ts";
import { addSessions } from "./sessions_commands.ts";
import { addToken } from "./token_commands.ts";
import { addUsers } from "./users_commands.ts";

export function addCommands(cli: Argv, checkout: Checkout): Argv {
  addInit(cli, checkout);
  addUpAndDown(cli, checkout);
  addServices(cli, checkout);
  addLogs(cli, checkout);
  addApps(cli, checkout);
  addCheck(cli, checkout);
  addToken(cli, checkout);
  addKeys(cli, checkout);
  cli.command("users", "See, make and change users and groups", (y) => addUsers(y, checkout));
  cli.command("sessions", "See who is signed in, and end sessions", (y) => {
    return addSessions(y, checkout);
  });
  cli.command("identity", "Look after the identity provider", (y) => addIdentity(y, checkout));
  cli.command("config", "Show and change the settings", (y) => addConfig(y, checkout));
  addCompletion(cli);
  return cli
    .example("$0 up --detach", "start everything")
    .example("$0 status", "what runs, and what is wrong")
    .example("$0 logs template -f", "what a service says")
    .example("$0 new timesheets", "a service of your own")
    .epilogue('"helm <command> --help" tells more of each, with examples.');
}

function addInit(cli: Argv, checkout: Checkout): void {
  cli.command(
    "init",
    "Make an installation of this checkout: ports, secrets, configuration",
    (y) =>
      y
        .option("environment", {
          choices: ["development", "production"] as const,
          default: "development" as const,
          describe: "in development nobody but this machine can reach it",
        })
        .option("hostname", { type: "string", describe: "the name that browsers use" })
        .option("port-offset", { type: "number", default: 0, describe: "shifts every port" })
        .option("tls", { type: "boolean", describe: "insist on TLS, or without it (--no-tls)" })
        .option("admin-password", {
          type: "boolean",
          default: false,
          describe: "ask for the first user's password; or set HELM_ADMIN_PASSWORD",
        })
        .check(({ environment, hostname, portOffset }) => {
          if (environment === "production" && hostname === undefined) {
            throw new Error("production needs --hostname, the name that browsers use");
          }
          return requireWhole("--port-offset", portOffset, 57_000);
        })
        .example("$0 init --environment production --hostname hive.example.org", "")
        .example("$0 init --port-offset 100", "beside another installation"),
    async ({ adminPassword, hostname = "localhost", environment, portOffset, tls }) => {
      const { init } = await import("./init.ts");
      const asksPassword = adminPassword;
      await init(checkout, { environment, hostname, portOffset, tls, asksPassword });
    },
  );
}

function addUpAndDown(cli: Argv, checkout: Checkout): void {
  cli.command(
    "up",
    "Start everything that does not run, and wait until it is ready",
    (y) =>
      y
        .option("dev", { type: "boolean", default: false, describe: "restart what is edited" })
        .option("detach", { type: "boolean", default: false, describe: "return when it is ready" })
        .example("$0 up", "until Ctrl-C")
        .example("$0 up --detach", 'until "helm down"'),
    async ({ dev, detach }) => {
      const { up } = await import("./up.ts");
      if (!(await up(checkout, { isDev: dev, isDetached: detach }))) process.exitCode = 1;
    },
  );
  cli.command(
    "down",
    "Stop every service, and Helm",
    (y) => y.example("$0 down", "all data are kept"),
    async () => {
      const { down } = await import("./down.ts");
      await down(checkout);
    },
  );
}

function addServices(cli: Argv, checkout: Checkout): void {
  const describe = 'a name of "helm status"; several are good';
  const names = { type: "string", array: true, demandOption: true, describe } as const;
  cli.command(
    "start <service..>",
    "Start services, and what they need",
    (y) =>
      y.positional("service", names).example("$0 start template", "and waits until it is ready"),
    async ({ service }) => {
      const { act } = await import("./services.ts");
      await act(checkout, "start", service);
    },
  );
  cli.command(
    "stop <service..>",
    "Stop services",
    (y) => y.positional("service", names).example("$0 stop template", "until it is started again"),
    async ({ service }) => {
      const { act } = await import("./services.ts");
      await act(checkout, "stop", service);
    },
  );
  cli.command(
    "restart [service..]",
    "Restart services; without a name, all but Helm itself",
    (y) =>
      y
        .positional("service", {
          type: "string",
          array: true,
          default: [] as string[],
          describe: 'a name of "helm status"; several are good',
        })
        .example("$0 restart core nexus", "one after the other"),
    async ({ service }) => {
      const { act, restartAll } = await import("./services.ts");
      if (service.length === 0) await restartAll(checkout);
      else await act(checkout, "restart", service);
    },
  );
  cli.command(
    "status",
    "Show every service with its state",
    (y) =>
      y
        .option("wide", { type: "boolean", default: false, describe: "with requests lately" })
        .option("json", { type: "boolean", default: false, describe: "for programs" })
        .example("$0 status", "with what keeps a service from being ready"),
    async ({ json, wide }) => {
      const { status } = await import("./services.ts");
      await status(checkout, { isJson: json, isWide: wide });
    },
  );
}

function addKeys(cli: Argv, checkout: Checkout): void {
  cli.command("keys", "Change the keys that tokens are signed with", (y) =>
    y
      .command(
        "rotate",
        "Sign with the next key from now on",
        (z) => z.example("$0 keys rotate", "nobody is signed out by it"),
        async () => {
          const { rotateKeys } = await import("./keys.ts");
          await rotateKeys(checkout);
        },
      )
      .example("$0 keys rotate", "nobody is signed out by it")
      .demandCommand(1, "Name an action: rotate."),
  );
}
