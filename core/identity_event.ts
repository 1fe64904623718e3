// What an event of Keycloak says of somebody's sessions here.

/** An entry of `GET /admin/realms/<realm>/admin-events`, or of `…/events` in the same shape. */
export interface IdentityEvent {
  readonly id: string;
  /** By the provider's clock. */
  readonly atMs: number;
  readonly operation: string;
  readonly resource: string;
  /** `users/<id>/reset-password`, `sessions/<sid>`, `groups/<id>`, … */
  readonly path: string;
}

/** The kinds of things whose changes by administrators are asked for. */
export const watchedResources = ["USER", "GROUP_MEMBERSHIP", "GROUP", "USER_SESSION", "REALM"];

/**
 * What people do to themselves. A new password is not among it: whether their other sessions end too
 * is theirs to say on the page where they choose it, and for those Keycloak sends messages.
 */
export const watchedTypes = ["DELETE_ACCOUNT", "USER_DISABLED_BY_PERMANENT_LOCKOUT", "LOGOUT"];

export type IdentityChange =
  /** Something about this person, or about everybody (a group's name), has changed: look who they are. */
  | { readonly kind: "look"; readonly sub: string | undefined }
  /** As "look", and for a while: a tab that signs in meanwhile can bring the session back. */
  | { readonly kind: "logout"; readonly sub: string }
  /** As "look", and it may have been the password, of which the event says nothing. */
  | { readonly kind: "update"; readonly sub: string; readonly atMs: number }
  /** The provider's session is over. */
  | { readonly kind: "session_end"; readonly sid: string }
  | ({ readonly kind: "sign_out" } & SignOut)
  | { readonly kind: "sign_out_all"; readonly beforeMs: number };

/** What somebody has begun before is over. */
export interface SignOut {
  readonly sub: string;
  readonly beforeMs: number;
  /** With a new password alone, the provider's sessions live on. */
  readonly cause: "signed_out" | "new_password";
}

/** @returns `undefined` for an event that changes nothing for sessions */
export function readChange(event: IdentityEvent): IdentityChange | undefined {
  const { operation, resource, path, atMs } = event;
  const [place, id, action] = path.split("/");
  if (resource === "REALM") {
    if (path !== "logout-all") return undefined;
    return { kind: "sign_out_all", beforeMs: atMs };
  }
  if (id === undefined || id === "") return undefined;
  if (resource === "USER_SESSION") {
    return place === "sessions" && operation === "DELETE"
      ? { kind: "session_end", sid: id }
      : undefined;
  }
  if (resource === "GROUP") {
    return operation === "CREATE" ? undefined : { kind: "look", sub: undefined };
  }
  if (place !== "users") return undefined;
  if (resource === "USER" && operation === "ACTION") {
    if (action === "reset-password") {
      return { kind: "sign_out", sub: id, beforeMs: atMs, cause: "new_password" };
    }
    if (action === "logout") {
      return { kind: "sign_out", sub: id, beforeMs: atMs, cause: "signed_out" };
    }
  }
  if (operation === "LOGOUT") return { kind: "logout", sub: id };
  const isUpdate = resource === "USER" && operation === "UPDATE" && action === undefined;
  return isUpdate ? { kind: "update", sub: id, atMs } : { kind: "look", sub: id };
}
