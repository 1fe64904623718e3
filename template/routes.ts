import type { Auth } from "@hivematrix/lib/auth";
import { healthRoute } from "@hivematrix/lib/health";
import type { Route } from "@hivematrix/lib/router";
import type { ServiceClient } from "@hivematrix/lib/service_client";
import type { ServiceRegistry } from "@hivematrix/lib/service_registry";
import type { Views } from "@hivematrix/lib/views";
import { createNote, deleteNote, listNotes, showData } from "./api.ts";
import type { NoteStore } from "./note_store.ts";
import { addNote, removeNote, showNotes } from "./pages.ts";
import { showServiceCall } from "./service_call_page.ts";
import type { ServiceSettings } from "./service_settings.ts";
import { showSettings } from "./settings_page.ts";

/** What the handlers work with. */
export interface Parts {
  /** This service's name: its URL prefix, and what other services call it. */
  readonly service: string;
  /** Shown to administrators, so nothing secret. */
  readonly settings: Pick<
    ServiceSettings,
    "PORT" | "CORE_SERVICE_URL" | "ENVIRONMENT" | "JWT_ISSUER" | "database.db_name"
  >;
  readonly auth: Auth;
  readonly client: ServiceClient;
  readonly notes: NoteStore;
  readonly registry: ServiceRegistry;
  readonly views: Views;
}

/** Every path of the service, and who may call it. Only /health is open. */
export function serviceRoutes(parts: Parts): Route[] {
  const { auth, notes, service } = parts;
  return [
    healthRoute(service, { database: () => notes.list({ limit: 1 }) }),

    { method: "GET", path: "/", handler: auth.userRequired(showNotes(parts)) },
    { method: "POST", path: "/", handler: auth.userRequired(addNote(parts)) },
    { method: "POST", path: "/notes/:id/delete", handler: auth.userRequired(removeNote(parts)) },
    { method: "GET", path: "/admin/settings", handler: auth.adminRequired(showSettings(parts)) },
    // No services here: a page that calls on a person's behalf answers to that person.
    {
      method: "GET",
      path: "/admin/service-call",
      handler: auth.adminUserRequired(showServiceCall(parts)),
    },

    { method: "GET", path: "/api/notes", handler: auth.tokenRequired(listNotes(notes)) },
    { method: "POST", path: "/api/notes", handler: auth.tokenRequired(createNote(notes)) },
    { method: "DELETE", path: "/api/notes/:id", handler: auth.tokenRequired(deleteNote(notes)) },
    { method: "GET", path: "/api/data", handler: auth.tokenRequired(showData(parts)) },
  ];
}
