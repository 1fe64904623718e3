import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readForm } from "@hivematrix/lib/request_body";
import { html, redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { askedWords } from "../install/app_words.ts";
import type { InstallManager, OperationRequest } from "../install/install_manager.ts";
import { type AppPagesParts, readAround, requireLiveSession } from "./app_access.ts";
import { appRow } from "./app_row.ts";
import { navigation } from "./navigation.ts";
import { withQuery } from "./user_links.ts";

/** GET /apps: what is installed, what could be, and the form for what nobody has registered. */
export function showApps(parts: AppPagesParts): Handler<UserContext> {
  const { installs, views, notices } = parts;
  return async (_request, { link, url, caller }) => {
    const lines = await installs.listApps(await readAround(parts));
    const rows = lines.map((line) => appRow(line, link));
    const operations = installs.list().slice(0, 5);
    return html(
      views.render("apps", {
        navigation: navigation(link, "/apps"),
        notice: notices.find(caller.user.sub, url.searchParams.get("notice")),
        apps: rows,
        asked: askedWords(lines),
        check_url: link("/apps/check"),
        install_url: link("/apps/install"),
        has_operations: operations.length > 0,
        operations: operations.map(({ status }) => ({
          ...status,
          title: titleOf(status),
          badge: badges[status.state],
          began: formatBegin(status),
          url: link(`/operations/${status.id}`),
        })),
      }),
    );
  };
}

/** GET /apps/:name/uninstall: asks before it is done. */
export function confirmUninstall(parts: AppPagesParts): Handler<UserContext> {
  return async (_request, { link, params: { name = "" } }) => {
    const lines = await parts.installs.listApps(await readAround(parts));
    const line = lines.find((each) => each.name === name && each.installed && !each.bundled);
    if (line === undefined) throw new HttpError(404, `There is no app "${name}" to uninstall`);
    return html(
      parts.views.render("uninstall_app", {
        ...appRow(line, link),
        navigation: navigation(link, "/apps"),
        has_changes: (line.git?.changed.length ?? 0) > 0,
        back_url: link("/apps"),
      }),
    );
  };
}

/** GET /operations/:id: what is done with an app, and how it goes. */
export function showOperation({ installs, views }: AppPagesParts): Handler<UserContext> {
  return (_request, { link, params: { id = "" } }) => {
    const operation = requireOperation(installs, id);
    const { status } = operation;
    const { lines, next } = operation.linesFrom(0);
    const missing = (status.missing ?? []).map((name) => ({
      name,
      install_url: link(`/apps/${encodeURIComponent(name)}/install`),
    }));
    return html(
      views.render("operation", {
        ...status,
        title: titleOf(status),
        badge: badges[status.state],
        navigation: navigation(link, "/apps"),
        script_url: link("/static/operation.js"),
        events_url: link(withQuery(`/api/operations/${id}/events`, { from: String(next) })),
        reload_url: link(`/operations/${id}`),
        apps_url: link("/apps"),
        began: formatBegin(status),
        is_over: operation.isOver,
        has_output: lines.length > 0 || !operation.isOver,
        output: lines.join("\n"),
        update_url: link(`/apps/${encodeURIComponent(status.app)}/update`),
        has_missing: missing.length > 0,
        missing,
      }),
    );
  };
}

export function requireOperation(installs: InstallManager, id: string) {
  const operation = installs.find(id);
  if (operation !== undefined) return operation;
  throw new HttpError(
    404,
    `There is no operation "${id}"; Helm has forgotten it, or never knew it`,
  );
}

/** POST /apps/check: asks every repository, which may take some seconds. */
export function checkFromPage(parts: AppPagesParts): Handler<UserContext> {
  return async (_request, { link }) => {
    await parts.installs.checkForUpdates(await readAround(parts));
    return redirect(link("/apps"));
  };
}

/** POST /apps/install: from the form, by URL. */
export const installFromForm = (parts: AppPagesParts) =>
  beginFromPage(parts, (form) => {
    const text = (field: string) => (form.get(field) ?? "").trim();
    const given = ["ref", "name", "title", "runtime", "database"]
      .map((field) => [field, text(field)])
      .filter(([, value]) => value !== "");
    return { kind: "install", target: text("target"), ...Object.fromEntries(given) };
  });

/** POST /apps/:name/install */
export const installFromPage = (parts: AppPagesParts) =>
  beginFromPage(parts, (_form, name) => ({ kind: "install", target: name }));

/** POST /apps/:name/update with `force`, or without */
export const updateFromPage = (parts: AppPagesParts) =>
  beginFromPage(parts, (form, name) => ({
    kind: "update",
    app: name,
    isForced: form.has("force"),
  }));

/** POST /apps/:name/uninstall, after the page that asks */
export const uninstallFromPage = (parts: AppPagesParts) =>
  beginFromPage(parts, (form, name) => ({
    kind: "uninstall",
    app: name,
    deletesData: form.has("delete_data"),
    isForced: form.has("force"),
  }));

function beginFromPage(
  parts: AppPagesParts,
  read: (form: URLSearchParams, name: string) => OperationRequest,
): Handler<UserContext> {
  return async (request, context) => {
    const { link, caller, params } = context;
    const wanted = read(await readForm(request), params["name"] ?? "");
    await requireLiveSession(parts, context);
    try {
      const operation = await parts.installs.begin(wanted, caller.user.preferred_username ?? "");
      return redirect(link(`/operations/${operation.id}`));
    } catch (error) {
      const text = error instanceof Error ? `${error.message}.` : String(error);
      const notice = parts.notices.keep(caller.user.sub, { kind: "error", text });
      return redirect(link(withQuery("/apps", { notice })));
    }
  };
}

const badges = {
  waiting: "neutral",
  running: "warning",
  succeeded: "success",
  failed: "danger",
} as const;

function formatBegin({ startedAt }: { readonly startedAt: string }): string {
  return `${startedAt.slice(0, 19).replace("T", " ")} UTC`;
}

function titleOf({ kind, app }: { readonly kind: string; readonly app: string }): string {
  const verbs: Record<string, string> = {
    install: "Install",
    new: "Make",
    update: "Update",
    uninstall: "Uninstall",
  };
  return `${verbs[kind]} ${app}`;
}
