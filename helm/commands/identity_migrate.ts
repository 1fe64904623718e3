import postgres from "postgres";
import { adminPlace } from "../config/admin_place.ts";
import { connectionString } from "../config/app_files.ts";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig, type MasterConfig } from "../config/master_config.ts";
import { newPassword } from "../control/new_password.ts";
import {
  type Migration,
  type MovedUser,
  migrateIdentities,
} from "../keycloak/identity_migration.ts";
import { bootstrapPlace } from "../keycloak/server/realm_step.ts";
import { readStoredPeople, type StoredPeople } from "../keycloak/stored_users.ts";
import { print } from "./output.ts";
import { formatTable } from "./table.ts";

/**
 * `helm identity migrate`: people and groups of the embedded provider into Keycloak.
 *
 * @returns whether everybody is there now, as themselves
 */
export async function migrate(
  checkout: Checkout,
  options: { isDryRun: boolean; isJson: boolean; replaced: readonly string[] },
): Promise<boolean> {
  const config = await loadMasterConfig(checkout);
  const { mode } = config.keycloak;
  if (mode === "embedded") {
    throw new Error(
      'Cannot migrate: keycloak.mode is still "embedded"; run "helm config set keycloak.mode server" and "helm up" first',
    );
  }
  const people = await readPeople(config);
  // Only the server's own service account may import users with their IDs.
  const place = mode === "server" ? bootstrapPlace(config) : adminPlace(config);
  const migration = await migrateIdentities(place, people, { ...options, newPassword });
  const { isDryRun, isJson } = options;
  if (isJson) print(JSON.stringify({ isDryRun, ...migration }, null, 2));
  else print(...describeMigration(migration, { isDryRun }));
  return migration.users.every(({ outcome }) => outcome !== "taken" && outcome !== "failed");
}

async function readPeople(config: MasterConfig): Promise<StoredPeople> {
  const { db_name = "", db_user = "", db_password = "" } = config.apps["keycloak"] ?? {};
  const credentials = { user: db_user, password: db_password, database: db_name };
  const url = connectionString(config, credentials);
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 5 });
  try {
    const people = await readStoredPeople(sql);
    if (people !== undefined) return people;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot migrate: the embedded provider's database cannot be read (${reason}); see "helm status"`,
      { cause: error },
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
  throw new Error("Cannot migrate: this installation has never used the embedded provider");
}

/** The report, line by line. */
export function describeMigration(
  { createdGroups, users }: Migration,
  { isDryRun }: { isDryRun: boolean },
): string[] {
  const count = (...outcomes: MovedUser["outcome"][]) =>
    users.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const moved = count("moved", "replaced");
  const isNothing = moved === 0 && createdGroups.length === 0;
  const verb = isDryRun ? "Would move" : "Moved";
  const groups =
    createdGroups.length === 0 ? "" : `, and these groups: ${createdGroups.join(", ")}`;
  const head = isNothing
    ? `Nothing ${isDryRun ? "would be" : "is"} moved.`
    : `${verb} ${moved} of ${users.length} users${groups}.`;
  return [
    head,
    ...(count("there") > 0
      ? [`Keycloak has ${count("there")} of them already, left as they are.`]
      : []),
    ...(users.length > 0 ? ["", usersTable(users)] : []),
    ...describePasswords(users, isDryRun),
    ...describeTaken(users),
  ];
}

const words: Readonly<Record<MovedUser["outcome"], string>> = {
  moved: "moved",
  replaced: "replaced",
  there: "there already",
  taken: "NOT MOVED",
  failed: "NOT MOVED",
};

function usersTable(users: readonly MovedUser[]): string {
  const rows = users.map(({ username, outcome, password, reason = "" }) => {
    const isMissing = outcome === "taken" || outcome === "failed";
    const colours = [undefined, isMissing ? ("red" as const) : undefined];
    return { cells: [username, words[outcome], password ?? "-"], colours, note: reason };
  });
  return formatTable(["user", "outcome", "password"], rows);
}

function describePasswords(users: readonly MovedUser[], isDryRun: boolean): string[] {
  const temporary = users.filter(({ password }) => password === "temporary");
  if (temporary.length === 0) return [];
  if (isDryRun) {
    const names = temporary.map(({ username }) => username).join(", ");
    const sentence =
      "Keycloak cannot check the passwords of these, and each would get a temporary one";
    return ["", `${sentence}: ${names}`];
  }
  const rows = temporary.map(({ username, temporaryPassword = "" }) => {
    return { cells: [username, temporaryPassword] };
  });
  return [
    "",
    "Keycloak cannot check the former passwords of these. Their temporary ones, shown this once, have to be changed at the next sign-in:",
    formatTable(["user", "temporary password"], rows),
  ];
}

/** Said at length: a person with another ID is another person for every service. */
function describeTaken(users: readonly MovedUser[]): string[] {
  const taken = users.filter(({ outcome }) => outcome === "taken");
  if (taken.length === 0) return [];
  const namesOf = (some: readonly MovedUser[]) => some.map(({ username }) => username);
  const replaceable = namesOf(taken.filter(({ isReplaceable }) => isReplaceable === true));
  const words = replaceable.map((name) => `--replace ${name}`).join(" ");
  return [
    "",
    `WARNING: at Keycloak somebody else stands for ${namesOf(taken).join(", ")}, with another ID, so that what services keep for them is not theirs there.`,
    ...(replaceable.length > 0
      ? [`To put the embedded provider's in their place: helm identity migrate ${words}`]
      : []),
  ];
}
