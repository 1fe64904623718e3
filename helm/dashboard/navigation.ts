import type { Context } from "@hivematrix/lib/router";

const places = [
  { path: "/", label: "Services" },
  { path: "/apps", label: "Apps" },
  { path: "/logs", label: "Logs" },
  { path: "/sessions", label: "Sessions" },
  { path: "/users", label: "Users" },
  { path: "/config", label: "Configuration" },
] as const;

export type NavigationPath = (typeof places)[number]["path"];

/** The links that every page of the dashboard begins with, for the view "navigation". */
export function navigation(link: Context["link"], here: NavigationPath) {
  return places.map(({ path, label }) => ({ url: link(path), label, is_here: path === here }));
}
