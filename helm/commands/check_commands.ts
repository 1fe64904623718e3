import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";

/** `helm check` */
export function addCheck(cli: Argv, checkout: Checkout): void {
  cli.command(
    "check [service..]",
    "Check that running services keep what the platform promises of them",
    (y) =>
      y
        .positional("service", {
          type: "string",
          array: true,
          default: [] as string[],
          describe: "without one, all that are ready",
        })
        .option("path", {
          type: "string",
          describe: "one that asks for a token, where neither / nor /api/data does",
        })
        .option("json", { type: "boolean", default: false, describe: "for programs" })
        .check(({ path, service }) => requirePath(path, service))
        .example("$0 check template", "health, tokens, pages, log, files, database")
        .example("$0 check rota --path /api/shifts", "where its API begins elsewhere")
        .epilogue(
          "Only GET requests are sent, as the service helm; the exit status is 1 when something failed. Pages for people need a sign-in and are not asked for; the views in the service's folder are looked at instead.",
        ),
    async ({ service, path, json }) => {
      const { check } = await import("./check.ts");
      if (!(await check(checkout, service, { path, isJson: json }))) process.exitCode = 1;
    },
  );
}

function requirePath(path: string | undefined, services: readonly string[]): true {
  if (path === undefined) return true;
  if (services.length !== 1) throw new Error("--path is for a single service");
  if (/^\/(?!\/)[\x21-\x7e]*$/.test(path)) return true;
  throw new Error(`--path is "${path}", it has to begin with one / and have no spaces`);
}
