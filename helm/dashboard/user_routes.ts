import type { UserContext } from "@hivematrix/lib/auth";
import type { Handler, Route } from "@hivematrix/lib/router";
import { createGroupFromPage, showGroups } from "./group_pages.ts";
import { type Guard, guardedBy } from "./guarded_route.ts";
import type { UserPagesParts } from "./user_access.ts";
import {
  changeGroupThroughApi,
  createGroupThroughApi,
  createThroughApi,
  deleteThroughApi,
  enableThroughApi,
  listGroupsThroughApi,
  listThroughApi,
  resetThroughApi,
  showThroughApi,
  signOutThroughApi,
} from "./user_api.ts";
import {
  changeGroupsFromPage,
  deleteFromPage,
  disableFromPage,
  enableFromPage,
  resetFromPage,
  signOutFromPage,
} from "./user_change_pages.ts";
import { createFromPage, showNewUser } from "./user_form_pages.ts";
import { confirmDelete, showUser, showUsers } from "./user_pages.ts";

/** The pages about users and groups, and their JSON twins. @param admin lets administrators in */
export function userRoutes(parts: UserPagesParts, admin: Guard): Route[] {
  const route = guardedBy(admin);
  const get = (path: string, handler: Handler<UserContext>) => route("GET", path, handler);
  const post = (path: string, handler: Handler<UserContext>) => route("POST", path, handler);
  return [
    get("/users", showUsers(parts)),
    post("/users", createFromPage(parts)),
    get("/users/new", showNewUser(parts)),
    get("/users/groups", showGroups(parts)),
    post("/users/groups", createGroupFromPage(parts)),
    get("/users/:id", showUser(parts)),
    get("/users/:id/delete", confirmDelete(parts)),
    post("/users/:id/delete", deleteFromPage(parts)),
    post("/users/:id/enable", enableFromPage(parts)),
    post("/users/:id/disable", disableFromPage(parts)),
    post("/users/:id/reset-password", resetFromPage(parts)),
    post("/users/:id/sign-out", signOutFromPage(parts)),
    post("/users/:id/groups", changeGroupsFromPage(parts)),
    get("/api/users", listThroughApi(parts)),
    post("/api/users", createThroughApi(parts)),
    get("/api/users/:id", showThroughApi(parts)),
    route("PATCH", "/api/users/:id", enableThroughApi(parts)),
    route("DELETE", "/api/users/:id", deleteThroughApi(parts)),
    post("/api/users/:id/reset-password", resetThroughApi(parts)),
    post("/api/users/:id/sign-out", signOutThroughApi(parts)),
    route("PUT", "/api/users/:id/groups/:group", changeGroupThroughApi(parts)),
    route("DELETE", "/api/users/:id/groups/:group", changeGroupThroughApi(parts)),
    get("/api/groups", listGroupsThroughApi(parts)),
    post("/api/groups", createGroupThroughApi(parts)),
  ];
}
