// A change of the settings from the dashboard: first what it would do, then the question, then it.
import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readForm } from "@hivematrix/lib/request_body";
import { html, redirect } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { describeChange, findChanges } from "../config/config_changes.ts";
import { readMasterDocument } from "../config/master_config.ts";
import { describePlan } from "../config/plan_text.ts";
import { requireLiveSession } from "./app_access.ts";
import {
  type AppliedChange,
  applyProposal,
  type ConfigPagesParts,
  type ConfigRequest,
  planProposal,
  proposeChange,
} from "./config_access.ts";
import { renderSetting } from "./config_pages.ts";
import { navigation } from "./navigation.ts";
import { withQuery } from "./user_links.ts";

/** POST /config/propose with `action` and `key`, `value` or `back`: leads to the plan. */
export function proposeFromPage(parts: ConfigPagesParts): Handler<UserContext> {
  return async (request, context) => {
    await requireLiveSession(parts, context);
    const wanted = readRequest(await readForm(request));
    const { sub } = context.caller.user;
    try {
      const name = parts.proposals.keep(sub, await proposeChange(parts, wanted));
      return redirect(context.link(`/config/proposals/${name}`));
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (wanted.action === "set") {
        return await renderSetting(parts, context, wanted.key, { value: wanted.value, problem });
      }
      const notice = parts.notices.keep(sub, { kind: "error", text: `${problem}.` });
      return redirect(context.link(withQuery("/config", { notice })));
    }
  };
}

/** GET /config/proposals/:id: what would be written and restarted, and the question whether to. */
export function showProposal(parts: ConfigPagesParts): Handler<UserContext> {
  return async (_request, { link, caller, params: { id = "" } }) => {
    const proposal = requireProposal(parts, caller.user.sub, id);
    const { value: current } = await readMasterDocument(parts.platform.checkout);
    const plan = await planProposal(parts, proposal);
    const { files, restarts, concernsHelm } = plan;
    return html(
      parts.views.render("config_proposal", {
        navigation: navigation(link, "/config"),
        config_url: link("/config"),
        apply_url: link(`/config/proposals/${id}/apply`),
        title: proposal.title,
        changes: findChanges(current, proposal.next).map(describeChange),
        has_files: files.length > 0,
        text: describePlan([], { ...plan, restarts: [], concernsHelm: false })
          .slice(0, -1)
          .join("\n")
          .trim(),
        has_edited: files.some(({ isEdited }) => isEdited),
        edited: files.filter(({ isEdited }) => isEdited).map(({ file }) => file),
        has_restarts: restarts.length > 0,
        restarts: restarts.join(", "),
        restarts_nexus: restarts.includes("nexus"),
        concerns_helm: concernsHelm,
      }),
    );
  };
}

/** POST /config/proposals/:id/apply */
export function applyFromPage(parts: ConfigPagesParts): Handler<UserContext> {
  return async (_request, context) => {
    await requireLiveSession(parts, context);
    const { caller, link, params } = context;
    const { sub } = caller.user;
    const proposal = requireProposal(parts, sub, params["id"] ?? "");
    parts.proposals.drop(params["id"] ?? "");
    const notice = await applyProposal(parts, proposal, context).then(
      (applied) => ({ kind: "success" as const, text: describeApplied(proposal.title, applied) }),
      (error: Error) => ({ kind: "error" as const, text: `${error.message}.` }),
    );
    const name = parts.notices.keep(sub, notice);
    return redirect(link(withQuery("/config", { notice: name })));
  };
}

function requireProposal({ proposals }: ConfigPagesParts, sub: string, id: string) {
  const proposal = proposals.find(sub, id);
  if (proposal !== undefined) return proposal;
  throw new HttpError(404, "This change is made or too old: ask for it again under Configuration");
}

function readRequest(form: URLSearchParams): ConfigRequest {
  const action = form.get("action");
  const key = (form.get("key") ?? "").trim();
  if (action === "set") return { action, key, value: form.get("value") ?? "" };
  if (action === "unset") return { action, key };
  if (action === "undo") return { action, back: form.get("back") ?? "1" };
  if (action === "sync") return { action };
  throw new HttpError(400, 'Cannot read the form: "action" must be set, unset, undo or sync');
}

function describeApplied(title: string, { written, kept, restarts }: AppliedChange): string {
  const parts = [
    `Done: ${title}.`,
    written.length === 0 ? "Every file was up to date." : `Written: ${written.join(", ")}.`,
    ...kept.map(({ file, copy }) => `What somebody had edited in ${file} is kept in ${copy}.`),
    ...(restarts.length === 0 ? [] : [`Being restarted: ${restarts.join(", ")}.`]),
  ];
  return parts.join(" ");
}
