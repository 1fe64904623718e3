import { HttpError } from "@hivematrix/lib/http_error";
import { invalidToken } from "@hivematrix/lib/token_verifier";
import { type Dispatcher, request } from "undici";
import { type Keycloak, openidEndpoint, providerIsAway } from "./keycloak.ts";

/** Who an access token belongs to, as the provider's userinfo endpoint says. */
export interface Userinfo {
  readonly sub: string;
  readonly name: string;
  readonly email: string;
  readonly preferred_username: string;
  readonly groups: readonly string[];
}

export interface UserinfoLimits {
  /** For the whole question and answer. Default 5 s. */
  readonly timeoutMs?: number;
  /** Default 256 KiB: a person may be in very many groups. */
  readonly maxAnswerBytes?: number;
}

/** The answers by which a provider refuses the token itself (RFC 6750 §3.1; 400 by some). */
const refusals = new Set([400, 401, 403]);

/**
 * Asks the provider's userinfo endpoint (OpenID Connect Core §5.3) about an access token.
 *
 * @throws {HttpError} 400 for a token that cannot be one, 401 when the provider refuses it or names
 *   nobody, 503 when it cannot be reached or its answer cannot be used
 */
export async function readUserinfo(
  keycloak: Keycloak,
  accessToken: string,
  { timeoutMs = 5000, maxAnswerBytes = 256 * 1024 }: UserinfoLimits = {},
): Promise<Userinfo> {
  // It becomes a header's value: b64token (RFC 6750 §2.1) leaves no room for header injection.
  if (!/^[\w.~+/-]+=*$/.test(accessToken)) {
    throw new HttpError(400, "Cannot exchange the token: access_token has characters no token has");
  }
  const { statusCode, text } = await ask(keycloak, accessToken, timeoutMs, maxAnswerBytes);
  if (refusals.has(statusCode)) {
    throw invalidToken("the identity provider refuses it");
  }
  if (statusCode !== 200) throw providerIsAway(`its userinfo endpoint answered ${statusCode}`);
  return readAnswer(text);
}

async function ask(
  keycloak: Keycloak,
  accessToken: string,
  timeoutMs: number,
  maxAnswerBytes: number,
): Promise<{ statusCode: number; text: string }> {
  try {
    const { statusCode, body } = await request(openidEndpoint(keycloak, "userinfo"), {
      headers: { authorization: `Bearer ${accessToken}`, accept: "application/json" },
      // A kept connection that the provider has closed meanwhile would cost somebody a sign-in.
      reset: true,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { statusCode, text: await readText(body, maxAnswerBytes) };
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const reason = isLate ? `no answer within ${timeoutMs} ms` : "it cannot be reached";
    throw error instanceof HttpError ? error : providerIsAway(reason, error);
  }
}

async function readText(body: Dispatcher.ResponseData["body"], maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop destroys the body and with it the connection.
    if (size > maxBytes) throw providerIsAway(`its answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readAnswer(text: string): Userinfo {
  const answer = parseObject(text);
  if (answer === undefined) throw providerIsAway("its userinfo answer is no JSON object");
  const { sub } = answer;
  // At most 255 characters (OpenID Connect Core §2), and none that a log or a database alters.
  if (typeof sub !== "string" || sub.length > 255 || !isPlain(sub) || sub === "") {
    throw invalidToken("the identity provider names nobody for it");
  }
  const username = readLine(answer["preferred_username"]) || sub;
  return {
    sub,
    name: readLine(answer["name"]) || username,
    email: readLine(answer["email"]),
    preferred_username: username,
    groups: readGroups(answer["groups"]),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Control characters drive terminals and PostgreSQL takes no NUL; a lone surrogate is no character. */
const unwanted = /[\p{Cc}\p{Cs}]/u;

function isPlain(text: string): boolean {
  return !unwanted.test(text);
}

/** A text to be shown, without what cannot be. */
function readLine(value: unknown): string {
  return typeof value === "string" ? value.replace(new RegExp(unwanted, "gu"), "") : "";
}

/** A group is a right: one with control characters is left out whole, never mended into another. */
function readGroups(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((group): group is string => typeof group === "string" && isPlain(group));
}
