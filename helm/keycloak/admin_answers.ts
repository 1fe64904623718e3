// What Keycloak's Admin REST API answers (UserRepresentation, GroupRepresentation,
// UserSessionRepresentation, ErrorRepresentation), read into what the rest of Helm works with.
import type { IdentitySession, IdentityUser } from "./admin_client.ts";

type Fields = Readonly<Record<string, unknown>>;

export const changePassword = "UPDATE_PASSWORD";

export function readUser(user: Fields): IdentityUser {
  const { requiredActions, createdTimestamp } = user;
  return {
    id: readText(user["id"]),
    username: readText(user["username"]),
    email: readText(user["email"]) || undefined,
    firstName: readText(user["firstName"]),
    lastName: readText(user["lastName"]),
    isEnabled: user["enabled"] === true,
    mustChangePassword: Array.isArray(requiredActions) && requiredActions.includes(changePassword),
    createdAt: typeof createdTimestamp === "number" ? new Date(createdTimestamp) : undefined,
  };
}

export function readSession(session: Fields): IdentitySession {
  return {
    id: readText(session["id"]),
    address: readText(session["ipAddress"]),
    startedAt: new Date(Number(session["start"])),
    lastAccessAt: new Date(Number(session["lastAccess"])),
  };
}

/** A group at the top by its name, one below another by both: `sales/north`. */
export function readGroup(group: Fields): { id: string; name: string; path: string } {
  return { id: readText(group["id"]), name: groupName(group), path: readText(group["path"]) };
}

export function groupName(group: Fields): string {
  const path = readText(group["path"]);
  // A slash of the name itself is written ~/ in a path.
  const isNested = path.replaceAll("~/", "").lastIndexOf("/") > 0;
  return isNested ? path.slice(1) : readText(group["name"]);
}

/** What went wrong in the provider's own words: one of the several forms that it uses. */
export function readReason(body: unknown): string | undefined {
  const fields = toFields(body);
  const { errors } = fields;
  if (Array.isArray(errors) && errors.length > 0) {
    return errors.map((error) => readReason(error) ?? "").join(", ");
  }
  const message = readText(fields["errorMessage"]) || readText(fields["error_description"]);
  // The last is what a service of the platform answers when it fails (RFC 9457).
  if (message === "") return readText(fields["error"]) || readText(fields["detail"]) || undefined;
  const field = readText(fields["field"]);
  return field === "" ? message : `${field}: ${message}`;
}

export function toFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function toList(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(toFields) : [];
}

export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
