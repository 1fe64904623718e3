// Who somebody is at Keycloak now, as its Admin REST API tells it.
import type { KeycloakAdmin } from "./keycloak_admin.ts";
import { readGroupName } from "./permission_level.ts";
import { ProviderAwayError } from "./provider_question.ts";

export interface Person {
  readonly isEnabled: boolean;
  /**
   * The names of the groups in the two forms in which the `groups` claim may have them: by the whole
   * path, which is ours, and by the last part alone.
   */
  readonly groupNames: readonly (readonly string[])[];
  readonly sessions: readonly PersonSession[];
}

export interface PersonSession {
  /** The `sid` of its tokens. */
  readonly sid: string;
  /** By the provider's clock, cut to the second. */
  readonly startedAtMs: number;
}

/** @param id the `sub` of the tokens @returns `undefined` where nobody has that id */
export async function readPerson(admin: KeycloakAdmin, id: string): Promise<Person | undefined> {
  const path = `users/${encodeURIComponent(id)}`;
  const user = await admin.get(path, "view-users");
  if (user === undefined) return undefined;
  const { enabled } = user as { enabled?: unknown };
  if (typeof enabled !== "boolean") throw unreadable("users/{id}");
  if (!enabled) return { isEnabled: false, groupNames: [], sessions: [] };
  const groups = await admin.get(`${path}/groups`, "view-users");
  const sessions = await readSessions(admin, id);
  if (groups === undefined || sessions === undefined) return undefined;
  return { isEnabled: true, groupNames: readGroups(groups), sessions };
}

/** The person's sessions there, whichever clients they are of; `undefined` for nobody. */
export async function readSessions(
  admin: KeycloakAdmin,
  id: string,
): Promise<PersonSession[] | undefined> {
  const sessions = await admin.get(`users/${encodeURIComponent(id)}/sessions`, "view-users");
  if (sessions === undefined) return undefined;
  if (!Array.isArray(sessions)) throw unreadable("users/{id}/sessions");
  return sessions.map(({ id: sid, start }) => {
    if (typeof sid === "string" && typeof start === "number") return { sid, startedAtMs: start };
    throw unreadable("users/{id}/sessions");
  });
}

/** When the person's password was set, by the provider's clock; `undefined` without one. */
export async function readPasswordTime(
  admin: KeycloakAdmin,
  id: string,
): Promise<number | undefined> {
  const credentials = await admin.get(`users/${encodeURIComponent(id)}/credentials`, "view-users");
  if (!Array.isArray(credentials)) return undefined;
  const createdDate: unknown = credentials.find(({ type }) => type === "password")?.createdDate;
  return typeof createdDate === "number" ? createdDate : undefined;
}

function readGroups(groups: unknown): string[][] {
  if (!Array.isArray(groups)) throw unreadable("users/{id}/groups");
  const paths: string[] = [];
  const names: string[] = [];
  for (const { name, path } of groups) {
    if (typeof name !== "string" || typeof path !== "string") throw unreadable("users/{id}/groups");
    paths.push(readGroupName(path));
    names.push(name);
  }
  return [paths, names];
}

function unreadable(path: string): ProviderAwayError {
  return new ProviderAwayError(`its answer to GET ${path} cannot be used`);
}
