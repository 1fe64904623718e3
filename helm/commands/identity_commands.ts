import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { isSha256, isVersion } from "../keycloak/server/release_record.ts";

/** `helm identity …` */
export function addIdentity(cli: Argv, checkout: Checkout): Argv {
  addUpgrade(cli, checkout);
  addMigrate(cli, checkout);
  return cli
    .example("$0 identity migrate --dry-run", "what a move to Keycloak would do")
    .demandCommand(1, "Name an action: upgrade, migrate.");
}

function addUpgrade(cli: Argv, checkout: Checkout): void {
  cli.command(
    "upgrade [release]",
    "Run another release of the real Keycloak, or go back to the one before",
    (y) =>
      y
        .positional("release", { type: "string", describe: "default: the one this Helm knows" })
        .option("sha256", { type: "string", describe: "of its tar.gz, for any other release" })
        .option("archive", { type: "string", describe: "a file or an address to take it from" })
        .option("back", {
          type: "boolean",
          default: false,
          describe: "to the release before, and to the data as they were then",
        })
        .check(({ release, sha256, archive, back }) => {
          const isOther = [release, sha256, archive].some((value) => value !== undefined);
          if (back && isOther) throw new Error("--back takes nothing else");
          if (release !== undefined && !isVersion(release)) {
            throw new Error(`"${release}" is no release: write it like 26.7.3`);
          }
          if (sha256 !== undefined && !isSha256(sha256)) {
            throw new Error("--sha256 has to be 64 digits 0-9 and a-f");
          }
          return true;
        })
        .epilogue(
          "A newer Keycloak changes its tables for good, so all of its data are copied before. The way back leads to that copy: users, passwords and groups that have changed since the upgrade are then as they were before it. People stay signed in at HiveMatrix meanwhile; nobody can sign in for about half a minute.",
        )
        .example("$0 identity upgrade", "to the release that this Helm knows")
        .example("$0 identity upgrade --back", "to the one before, with the data from then"),
    async ({ release, sha256, archive, back }) => {
      const { upgradeIdentity } = await import("./identity_upgrade.ts");
      await upgradeIdentity(checkout, { version: release, sha256, archive, isBack: back });
    },
  );
}

function addMigrate(cli: Argv, checkout: Checkout): void {
  cli.command(
    "migrate",
    "Move people and groups from the embedded provider into Keycloak",
    (y) =>
      y
        .option("dry-run", {
          type: "boolean",
          default: false,
          describe: "only say what would be done",
        })
        .option("replace", {
          type: "string",
          array: true,
          nargs: 1,
          default: [] as string[],
          describe: "a user of Keycloak's who makes room for the embedded provider's",
        })
        .option("json", { type: "boolean", default: false, describe: "for programs" })
        .example("$0 identity migrate --dry-run", "then the same without"),
    async ({ dryRun, replace, json }) => {
      const { migrate } = await import("./identity_migrate.ts");
      const options = { isDryRun: dryRun, isJson: json, replaced: replace };
      if (!(await migrate(checkout, options))) process.exitCode = 1;
    },
  );
}
