// Users as Keycloak's Admin REST API has them (UserRepresentation), out and in.
import { HttpError } from "@hivematrix/lib/http_error";
import { changePassword } from "./admin_answers.ts";
import type { Account, AccountChanges, NewAccount } from "./embedded_accounts.ts";

export function toUserRepresentation(account: Account): Record<string, unknown> {
  const { id, username, firstName, lastName, email, isEnabled, mustChangePassword } = account;
  return {
    id,
    username,
    ...(firstName !== "" && { firstName }),
    ...(lastName !== "" && { lastName }),
    ...(email !== null && { email }),
    emailVerified: false,
    createdTimestamp: account.createdAt.getTime(),
    enabled: isEnabled,
    totp: false,
    requiredActions: mustChangePassword ? [changePassword] : [],
    notBefore: 0,
  };
}

/** @throws {HttpError} 400 for a field of another type than Keycloak's */
export function readNewAccount(body: Record<string, unknown>): NewAccount {
  const credential = readCredentials(body["credentials"]);
  const changes = readAccountChanges(body);
  const mustChangePassword =
    changes.mustChangePassword === true || credential?.isTemporary === true;
  return {
    username: readText(body, "username") ?? "",
    password: credential?.password,
    mustChangePassword,
    email: changes.email ?? undefined,
    firstName: changes.firstName,
    lastName: changes.lastName,
    // As there: who is not said to be enabled is not.
    isEnabled: changes.isEnabled ?? false,
    groups: readTexts(body, "groups")?.map(readGroupPath) ?? [],
  };
}

/** What a PUT changes: the fields that it names. @throws {HttpError} 400 as above */
export function readAccountChanges(body: Record<string, unknown>): AccountChanges {
  const isEnabled = body["enabled"] ?? undefined;
  if (isEnabled !== undefined && typeof isEnabled !== "boolean") throw wrongType("enabled");
  const email = readText(body, "email");
  return {
    email: email === "" ? null : email,
    firstName: readText(body, "firstName"),
    lastName: readText(body, "lastName"),
    isEnabled,
    mustChangePassword: readTexts(body, "requiredActions")?.includes(changePassword),
  };
}

/** A CredentialRepresentation. @throws {HttpError} 400 */
export function readCredential(value: unknown): { password: string; isTemporary: boolean } {
  const credential = typeof value === "object" && value !== null ? { ...value } : {};
  const { type = "password", value: password, temporary } = credential as Record<string, unknown>;
  if (type !== "password" || typeof password !== "string" || password === "") {
    throw new HttpError(400, "No password provided");
  }
  return { password, isTemporary: temporary === true };
}

function readCredentials(value: unknown) {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw wrongType("credentials");
  return value.length === 0 ? undefined : readCredential(value[0]);
}

function readText(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw wrongType(name);
}

function readTexts(body: Record<string, unknown>, name: string): string[] | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  throw wrongType(name);
}

/** `/sales` is the group sales; a slash of the name itself is written `~/`. */
function readGroupPath(path: string): string {
  return path.replace(/^\//, "").replaceAll("~/", "/");
}

function wrongType(name: string): HttpError {
  return new HttpError(400, `Cannot read the body: "${name}" has the wrong type`);
}
