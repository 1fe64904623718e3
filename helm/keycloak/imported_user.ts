import { changePassword } from "./admin_answers.ts";
import { parseHash } from "./password_hash.ts";
import type { StoredUser } from "./stored_users.ts";

/**
 * What becomes of a password: Keycloak takes the hash, or a new one has to be made, or there is none.
 *
 * A password that was typed with letters which NFKC writes in another way (password_hash.ts), such as
 * full-width ones, is another one for Keycloak: its owner has to type it in the plain form there.
 */
export type PasswordFate = "kept" | "temporary" | "none";

export function passwordFate({ passwordHash }: StoredUser): PasswordFate {
  if (passwordHash === "") return "none";
  return parseHash(passwordHash).cost.kind === "pbkdf2-sha512" ? "kept" : "temporary";
}

/**
 * A user as Keycloak's partial import takes one, id and all: the id is the `sub` under which services
 * keep what belongs to this person.
 *
 * @param groupPaths by name
 * @param temporaryPassword for a hash that Keycloak cannot verify
 */
export function toImportedUser(
  user: StoredUser,
  groupPaths: ReadonlyMap<string, string>,
  temporaryPassword: string | undefined,
): Record<string, unknown> {
  const { id, username, email, firstName, lastName, isEnabled, createdAt } = user;
  const mustChange = user.mustChangePassword || temporaryPassword !== undefined;
  return {
    id,
    username,
    ...(email !== null && { email }),
    ...(firstName !== "" && { firstName }),
    ...(lastName !== "" && { lastName }),
    enabled: isEnabled,
    createdTimestamp: createdAt.getTime(),
    groups: user.groups.flatMap((name) => groupPaths.get(name) ?? []),
    requiredActions: mustChange ? [changePassword] : [],
    credentials: credentials(user, temporaryPassword),
  };
}

function credentials(user: StoredUser, temporaryPassword: string | undefined): object[] {
  if (temporaryPassword !== undefined) {
    return [{ type: "password", value: temporaryPassword, temporary: true }];
  }
  if (user.passwordHash === "") return [];
  const { cost, salt, key } = parseHash(user.passwordHash);
  if (cost.kind !== "pbkdf2-sha512") {
    throw new Error(`Cannot hand over the password of "${user.username}": it is a hash of scrypt`);
  }
  // The forms in which Keycloak keeps it (PasswordCredentialData, PasswordSecretData).
  const secretData = { value: key.toString("base64"), salt: salt.toString("base64") };
  const credentialData = { hashIterations: cost.iterations, algorithm: cost.kind };
  return [
    {
      type: "password",
      secretData: JSON.stringify({ ...secretData, additionalParameters: {} }),
      credentialData: JSON.stringify({ ...credentialData, additionalParameters: {} }),
    },
  ];
}
