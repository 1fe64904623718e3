import type { UserContext } from "@hivematrix/lib/auth";
import type { AppLine } from "../install/app_list.ts";
import { gitWords, stateWords, updateWords } from "../install/app_words.ts";
import { withoutPassword } from "../install/git.ts";
import { badgeOf } from "./service_row.ts";

/** One app as the page "Apps" shows it. */
export function appRow(line: AppLine, link: UserContext["link"]) {
  const { name, installed, bundled, git, git_error, git_url, update } = line;
  const base = `/apps/${encodeURIComponent(name)}`;
  const isOwn = installed && !bundled;
  return {
    name,
    title: line.title,
    description: line.description,
    state: stateWords(line),
    badge: installed && line.state !== undefined ? badgeOf(line.state) : "neutral",
    reason: line.state === "ready" ? "" : line.reason,
    port: line.port ?? "–",
    version: git?.version ?? "–",
    repository: git_error ?? repositoryWords(line),
    changed: git?.changed.join(", "),
    git_url: git_url === undefined ? undefined : withoutPassword(git_url),
    ref: line.ref,
    update: updateWords(line),
    update_error: update?.error,
    is_update_available: update?.available === true,
    can_install: !installed && git_url !== undefined,
    can_update: isOwn && git !== undefined,
    can_uninstall: isOwn,
    service_url: installed ? link(`/services/${encodeURIComponent(name)}`) : undefined,
    install_url: link(`${base}/install`),
    update_url: link(`${base}/update`),
    uninstall_url: link(`${base}/uninstall`),
  };
}

function repositoryWords(line: AppLine): string {
  if (line.bundled) return "part of the checkout";
  return gitWords(line) || (line.git_url === undefined ? "–" : "");
}
