// The settings as JSON, for programs: what the pages show and do.
import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { readJson } from "@hivematrix/lib/request_body";
import type { Handler } from "@hivematrix/lib/router";
import { findChanges, maskChange } from "../config/config_changes.ts";
import { listStates } from "../config/config_history.ts";
import { ConfigLockedError } from "../config/config_lock.ts";
import { describeHistory } from "../config/config_undo.ts";
import { explainSetting } from "../config/explain_setting.ts";
import { explainValue } from "../config/explain_value.ts";
import { readMasterDocument } from "../config/master_config.ts";
import { isRecord } from "../config/value_checks.ts";
import { WrittenFiles } from "../config/written_files.ts";
import { requireLiveSession } from "./app_access.ts";
import {
  applyRequest,
  type ConfigPagesParts,
  type ConfigRequest,
  planProposal,
  proposeChange,
} from "./config_access.ts";
import { listSettings } from "./config_rows.ts";

/** GET /api/config: every setting, secrets masked, and the files that were edited by hand. */
export function listThroughApi({ platform: { checkout } }: ConfigPagesParts): Handler<UserContext> {
  return async () => {
    const document = await readMasterDocument(checkout);
    const edited = await (await WrittenFiles.load(checkout)).findEdited();
    return answer({ settings: listSettings(checkout, document), edited });
  };
}

/** GET /api/config/explain?key=…[&app=…] */
export function explainThroughApi({
  platform: { checkout },
  registry,
}: ConfigPagesParts): Handler<UserContext> {
  return async (_request, { url }) => {
    const key = url.searchParams.get("key") ?? "";
    const app = url.searchParams.get("app");
    const document = await readMasterDocument(checkout);
    try {
      return answer(
        app === null
          ? explainSetting(checkout, document, registry, key)
          : await explainValue(checkout, document, registry, { app, key }),
      );
    } catch (error) {
      throw new HttpError(404, messageOf(error));
    }
  };
}

/** POST /api/config/plan: what the request would do; without one, what sync-all would. */
export function planThroughApi(parts: ConfigPagesParts): Handler<UserContext> {
  return async (request) => {
    const proposal = await orRefused(proposeChange(parts, readRequest(await readJson(request))));
    const { value: current } = await readMasterDocument(parts.platform.checkout);
    const changes = findChanges(current, proposal.next).map(maskChange);
    return answer({ changes, ...(await planProposal(parts, proposal)) });
  };
}

/** POST /api/config {action: "set"|"unset"|"undo"|"sync", key?, value?, back?} */
export function applyThroughApi(parts: ConfigPagesParts): Handler<UserContext> {
  return async (request, context) => {
    await requireLiveSession(parts, context);
    const wanted = readRequest(await readJson(request));
    return answer(await orRefused(applyRequest(parts, wanted, context)));
  };
}

/** GET /api/config/history: each change, the newest first. */
export function historyThroughApi({
  platform: { checkout },
}: ConfigPagesParts): Handler<UserContext> {
  return async () => {
    const { value } = await readMasterDocument(checkout);
    return answer({ history: describeHistory(await listStates(checkout, value)).toReversed() });
  };
}

/** @throws {HttpError} 422 for what cannot be, 503 while somebody else writes, with the reason */
async function orRefused<T>(act: Promise<T>): Promise<T> {
  try {
    return await act;
  } catch (error) {
    const status = error instanceof ConfigLockedError ? 503 : 422;
    throw new HttpError(status, messageOf(error), { cause: error });
  }
}

/** @throws {HttpError} 400 for a request that is none of those */
function readRequest(body: unknown): ConfigRequest {
  const { action = "sync", key, value, back = "1" } = isRecord(body) ? body : {};
  if (action === "sync") return { action };
  if (action === "undo") return { action, back: String(back) };
  if (typeof key !== "string" || key === "") {
    throw new HttpError(400, 'Cannot read the body: "key" must be a non-empty string');
  }
  if (action === "unset") return { action, key };
  if (action === "set" && value !== undefined) {
    return { action, key, value: typeof value === "string" ? value : JSON.stringify(value) };
  }
  throw new HttpError(
    400,
    'Cannot read the body: "action" must be set (with "value"), unset, undo or sync',
  );
}

function answer(body: object): Response {
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
