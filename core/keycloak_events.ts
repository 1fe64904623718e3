// Keycloak's events: what administrators have done, or programs in their place, and what people have
// done to themselves.
import { type IdentityEvent, watchedResources, watchedTypes } from "./identity_event.ts";
import type { KeycloakAdmin } from "./keycloak_admin.ts";
import { ProviderAwayError, ProviderRefusalError } from "./provider_question.ts";

interface Source {
  readonly path: "admin-events" | "events";
  readonly filter: readonly [name: string, value: string][];
  read(event: Record<string, unknown>): Omit<IdentityEvent, "id" | "atMs">;
}

const sources: readonly Source[] = [
  {
    path: "admin-events",
    filter: watchedResources.map((resource) => ["resourceTypes", resource]),
    read: ({ operationType, resourceType, resourcePath }) => ({
      operation: String(operationType),
      resource: String(resourceType),
      path: String(resourcePath),
    }),
  },
  {
    path: "events",
    filter: watchedTypes.map((type) => ["type", type]),
    read: ({ type, userId }) => ({
      operation: String(type),
      resource: "USER",
      path: `users/${String(userId)}`,
    }),
  },
];

const pageSize = 200;

/** More has happened only where thousands of users were imported at once. */
const maxPages = 50;

/** @throws {ProviderRefusalError} unless the realm keeps admin events and Core may read them */
export async function requireEvents(admin: KeycloakAdmin): Promise<void> {
  const settings = await admin.get("events/config", "view-events");
  if ((settings as { adminEventsEnabled?: unknown }).adminEventsEnabled === true) return;
  throw new ProviderRefusalError('the realm keeps no admin events: turn on "Save events" for it');
}

/**
 * The events since a moment by the provider's clock, without those that are seen.
 *
 * @returns the oldest first, and whether there were so many that some were left out
 */
export async function readEvents(
  admin: KeycloakAdmin,
  fromMs: number,
  isSeen: (id: string) => boolean,
): Promise<{ events: IdentityEvent[]; isTruncated: boolean }> {
  const found = new Map<string, IdentityEvent>();
  let isTruncated = false;
  for (const source of sources) {
    let isMore = true;
    for (let page = 0; isMore && page < maxPages; page++) {
      const events = await readPage(admin, source, fromMs, page);
      const fresh = events.filter(({ id }) => !isSeen(id));
      for (const event of fresh) found.set(event.id, event);
      // The newest come first: behind a page without anything new there is nothing new.
      isMore = events.length === pageSize && fresh.length > 0;
    }
    isTruncated ||= isMore;
  }
  return { events: [...found.values()].sort((a, b) => a.atMs - b.atMs), isTruncated };
}

async function readPage(
  admin: KeycloakAdmin,
  { path, filter, read }: Source,
  fromMs: number,
  page: number,
): Promise<IdentityEvent[]> {
  const query = new URLSearchParams([
    ["dateFrom", String(fromMs)],
    ["first", String(page * pageSize)],
    ["max", String(pageSize)],
    ...filter,
  ]);
  const events = await admin.get(path, "view-events", query);
  if (!Array.isArray(events)) throw new ProviderAwayError(`its ${path} cannot be used`);
  return events.map((event: Record<string, unknown>) => {
    const { id, time } = event;
    if (typeof time !== "number") throw new ProviderAwayError(`its ${path} have no time`);
    const what = read(event);
    // Before Keycloak 25 they had no id.
    return { ...what, id: typeof id === "string" ? id : JSON.stringify([time, what]), atMs: time };
  });
}
