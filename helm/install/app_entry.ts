// What one entry of an app registry may say (contract §6 and design §5), checked where it comes in.
import type { ServiceListing } from "@hivematrix/lib/service_registry";
import {
  type Check,
  flag,
  isRecord,
  listOf,
  matching,
  oneOf,
  port,
  text,
} from "../config/value_checks.ts";

/** One app that can be installed, or is part of the checkout. */
export interface RegisteredApp extends ServiceListing {
  /** Its short name: folder, URL prefix, database. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly port: number;
  readonly required: boolean;
  /** Other apps, or `postgresql`. */
  readonly dependencies: readonly string[];
  readonly install_order: number;
  /** Any git URL or a local path; without one the app is part of this checkout. */
  readonly git_url?: string;
  /** A branch, a tag or a commit; without one, what the repository calls its HEAD. */
  readonly ref?: string;
  /** How it is started: `main.ts` with Node (the default), or `run.py` with Python. */
  readonly runtime?: "node" | "python";
  readonly database?: "postgresql";
  /** Whether two of its processes may run at a time (`apps.<name>.rolling_restart`). */
  readonly rolling_restart?: boolean;
}

const checks: Readonly<Record<string, Check>> = {
  name: text,
  port,
  required: flag,
  dependencies: listOf(matching(/^[a-z][a-z0-9_-]*$/, "an app's name")),
  install_order: { expected: "a number", accepts: (value) => Number.isFinite(value) },
  git_url: text,
  ref: matching(/^[^-\s][^\s]*$/, "a branch, a tag or a commit"),
  runtime: oneOf("node", "python"),
  database: oneOf("postgresql"),
  rolling_restart: flag,
  title: text,
  icon: text,
  description: text,
  visible: flag,
  admin_only: flag,
  billing_or_admin_only: flag,
  allowed_levels: listOf(oneOf("admin", "technician", "billing", "client")),
};

const needed = ["name", "port", "dependencies", "install_order"];

/** @returns what is wrong in an entry, or `undefined` */
export function findEntryProblem(id: string, entry: unknown): string | undefined {
  if (!/^[a-z][a-z0-9_-]*$/.test(id)) return "is no name for an app";
  if (!isRecord(entry)) return "is not an object";
  const missing = needed.find((field) => entry[field] === undefined);
  if (missing !== undefined) {
    return `has no ${missing === "dependencies" ? "list of dependencies" : missing}`;
  }
  return findFieldProblem(entry);
}

/** The same for some of the fields, as an app's own `app.json` has them. */
export function findFieldProblem(fields: Readonly<Record<string, unknown>>): string | undefined {
  for (const [field, value] of Object.entries(fields)) {
    const check = checks[field];
    if (check !== undefined && !check.accepts(value)) {
      return `has ${field} ${JSON.stringify(value)}, it has to be ${check.expected}`;
    }
  }
  return undefined;
}

/** Of what somebody wrote, the fields that are an entry's. */
export function entryFields(values: Readonly<Record<string, unknown>>): Partial<RegisteredApp> {
  return Object.fromEntries(
    Object.entries(values).filter(([field, value]) => field in checks && value !== undefined),
  );
}
