import type { MasterConfig } from "../config/master_config.ts";
import { backendUrl } from "../config/public_origin.ts";
import { HttpExchange } from "../keycloak/http_exchange.ts";

/** A revoke is only answered once every gateway knows, which may take several Cores ten seconds. */
const defaultTimeoutMs = 15_000;

/**
 * One question to Core.
 *
 * @param action for the error's message: "list sessions"
 * @param content sent as JSON
 * @returns the body of its answer
 * @throws {CoreError} when Core does not answer, or refuses
 */
export type AskCore = (
  action: string,
  method: "GET" | "POST" | "DELETE",
  path: string,
  content?: object,
) => Promise<Record<string, unknown>>;

/** Why a question to Core came to nothing. */
export class CoreError extends Error {
  override readonly name = "CoreError";
  /** What is wrong, without the action and the remedy: `Core cannot be reached`. */
  readonly reason: string;
  /** Of Core's answer, if there was one. */
  readonly status: number | undefined;
  /** Whether what was asked for may have happened all the same. */
  readonly mayHaveActed: boolean;

  constructor(
    action: string,
    reason: string,
    details: { status?: number; mayHaveActed: boolean; remedy?: string; cause?: unknown },
  ) {
    const remedy = details.remedy === undefined ? "" : `, ${details.remedy}`;
    super(`Cannot ${action}: ${reason}${remedy}`, { cause: details.cause });
    this.reason = reason;
    this.status = details.status;
    this.mayHaveActed = details.mayHaveActed;
  }
}

/** Asks as the service `helm`, for whoever may use the command line of this installation. */
export function askCoreAsHelm(config: MasterConfig, timeoutMs?: number): AskCore {
  const secret = config.apps["helm"]?.service_secret ?? "";
  const credential = Buffer.from(`helm:${secret}`).toString("base64");
  return createAskCore(backendUrl(config, "core"), `Basic ${credential}`, timeoutMs);
}

/**
 * Asks as a person, with their own token: Core then judges what they may do, and refuses at once
 * when their session has ended, which the token alone does not show.
 */
export function askCoreAsUser(config: MasterConfig, token: string): AskCore {
  return createAskCore(backendUrl(config, "core"), `Bearer ${token}`);
}

export function createAskCore(
  coreUrl: string,
  authorization: string,
  timeoutMs: number = defaultTimeoutMs,
): AskCore {
  return async (action, method, path, content) => {
    const url = new URL(path, coreUrl);
    const type = content && { "content-type": "application/json" };
    const body = content && JSON.stringify(content);
    const question = { method, headers: { authorization, ...type }, body };
    const exchange = new HttpExchange(timeoutMs);
    try {
      const { status, text } = await exchange.ask(url, question).catch((error: unknown) => {
        throw describeSilence(action, error, timeoutMs);
      });
      const answer = readBody(text);
      if (status >= 200 && status < 300) return answer;
      throw describeRefusal(action, status, answer["detail"]);
    } finally {
      exchange.close();
    }
  };
}

function readBody(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

function describeSilence(action: string, error: unknown, timeoutMs: number): CoreError {
  const { name, code } = error as { name?: string; code?: string };
  const wasRefused = code === "ECONNREFUSED";
  const reason = wasRefused
    ? "Core cannot be reached"
    : name === "TimeoutError"
      ? `Core did not answer within ${timeoutMs / 1000} s`
      : "Core broke off its answer";
  const remedy = 'see "helm status"';
  return new CoreError(action, reason, { mayHaveActed: !wasRefused, remedy, cause: error });
}

function describeRefusal(action: string, status: number, detail: unknown): CoreError {
  const said = typeof detail === "string" ? detail : "nothing more";
  const mayHaveActed = status >= 500;
  const verb = mayHaveActed ? `answers ${status}` : "refuses";
  return new CoreError(action, `Core ${verb}: ${said}`, { status, mayHaveActed });
}
