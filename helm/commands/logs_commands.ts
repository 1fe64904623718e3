import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { requireWhole } from "./argument_checks.ts";
import { readMoment } from "./time_argument.ts";

/** `helm logs` and `helm trace` */
export function addLogs(cli: Argv, checkout: Checkout): void {
  cli.command(
    "logs [service..]",
    "Show the end of the services' logs, and search them",
    (y) =>
      y
        .positional("service", {
          type: "string",
          array: true,
          default: [] as string[],
          describe: "without one, all",
        })
        .option("follow", {
          alias: "f",
          type: "boolean",
          default: false,
          global: false,
          describe: "and go on",
        })
        .option("lines", {
          alias: "n",
          type: "number",
          default: 50,
          global: false,
          describe: "how many",
        })
        .option("since", { type: "string", global: false, describe: "15m, 2h, 3d ago, or a time" })
        .option("level", {
          choices: ["debug", "info", "warn", "error"] as const,
          global: false,
          describe: "the least that matters",
        })
        .option("grep", { type: "string", global: false, describe: "a part of the line" })
        .option("request", {
          type: "string",
          global: false,
          describe: "what belongs to one request, by its ID",
        })
        .option("json", {
          type: "boolean",
          default: false,
          global: false,
          describe: "as they were written",
        })
        .check(({ lines, since, request }) => {
          if (since !== undefined) readMoment("--since", since);
          if (request !== undefined) requireRequestId(request);
          return requireWhole("--lines", lines, 1_000_000);
        }, false)
        .command(
          "verify [service..]",
          "Check that the stored lines are as Helm stored them",
          (verify) =>
            verify
              .positional("service", {
                type: "string",
                array: true,
                default: [] as string[],
                describe: "without one, all",
              })
              .option("json", { type: "boolean", default: false, describe: "for programs" })
              .example("$0 logs verify core", "only Core's"),
          async ({ service, json }) => {
            const { verifyLogs } = await import("./verify_logs.ts");
            await verifyLogs(checkout, { services: service, isJson: json });
          },
        )
        .example("$0 logs core nexus -f", "watch Core and Nexus")
        .example("$0 logs --level warn --since 1h", "what went wrong lately"),
    async ({ service, lines, follow, json, since, level, grep, request }) => {
      const { logs } = await import("./logs.ts");
      const sinceMs = since === undefined ? undefined : readMoment("--since", since);
      const filter = { level, sinceMs, text: grep, request };
      await logs(checkout, { services: service, filter, lines, follows: follow, isJson: json });
    },
  );
  cli.command(
    "trace <request>",
    "Follow one request through every service that it touched",
    (y) =>
      y
        .positional("request", {
          type: "string",
          demandOption: true,
          describe: "its ID, as error pages and the logs show it; the beginning is enough",
        })
        .option("json", { type: "boolean", default: false, describe: "for programs" })
        .check(({ request }) => requireRequestId(request))
        .example("$0 trace 1a8772c3640c", "where its time went"),
    async ({ request, json }) => {
      const { trace } = await import("./trace.ts");
      await trace(checkout, request, { isJson: json });
    },
  );
}

/** Fewer characters would mean many requests. */
function requireRequestId(id: string): true {
  if (/^[\w-]{6,128}$/.test(id)) return true;
  throw new Error(`"${id}" is no request's ID: give at least its first 6 characters`);
}
