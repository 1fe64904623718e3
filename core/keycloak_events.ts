// Keycloak's admin events: what an administrator, or a program in an administrator's place, has done.
import { type IdentityEvent, watchedResources } from "./identity_event.ts";
import type { KeycloakAdmin } from "./keycloak_admin.ts";
import { ProviderAwayError, ProviderRefusalError } from "./provider_question.ts";

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
  let isTruncated = true;
  for (let page = 0; isTruncated && page < maxPages; page++) {
    const events = await readPage(admin, fromMs, page);
    const fresh = events.filter(({ id }) => !isSeen(id));
    for (const event of fresh) found.set(event.id, event);
    // The newest come first: behind a page without anything new there is nothing new.
    isTruncated = events.length === pageSize && fresh.length > 0;
  }
  return { events: [...found.values()].sort((a, b) => a.atMs - b.atMs), isTruncated };
}

async function readPage(admin: KeycloakAdmin, fromMs: number, page: number) {
  const query = new URLSearchParams({
    dateFrom: String(fromMs),
    first: String(page * pageSize),
    max: String(pageSize),
  });
  for (const resource of watchedResources) query.append("resourceTypes", resource);
  const events = await admin.get("admin-events", "view-events", query);
  if (!Array.isArray(events)) throw new ProviderAwayError("its admin events cannot be used");
  return events.map(readEvent);
}

function readEvent(event: Record<string, unknown>): IdentityEvent {
  const { id, time, operationType, resourceType, resourcePath } = event;
  if (typeof time !== "number") throw new ProviderAwayError("its admin events have no time");
  const operation = String(operationType);
  const resource = String(resourceType);
  const path = String(resourcePath);
  // Before Keycloak 25 they had no id.
  const name = typeof id === "string" ? id : `${time} ${operation} ${resource} ${path}`;
  return { id: name, atMs: time, operation, resource, path };
}
