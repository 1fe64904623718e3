import { HttpError } from "@hivematrix/lib/http_error";
import { Agent, request } from "undici";

/** What Nexus asks of Core. */
export interface CoreClient {
  /**
   * @returns the user token of a new session
   * @throws {LoginRefused} @throws {HttpError} 503 Core or provider away
   */
  exchange(login: ProviderLogin): Promise<string>;
  /**
   * Whether the session behind a token lives.
   *
   * @param isUse whether this counts as activity of the person
   * @throws {HttpError} 503 when Core cannot say
   */
  isLive(token: string, options: { isUse: boolean }): Promise<boolean>;
  /**
   * Ends the session behind a token.
   *
   * @returns `undefined` for a token that is none of Core's, so there is no session that it opens
   * @throws {HttpError} 503 unless Core has confirmed it
   */
  revoke(token: string): Promise<SessionEnd | undefined>;
  /** The live sessions of a token's owner. @throws {HttpError} 401 ended meanwhile, 503 Core away */
  listSessions(token: string): Promise<SessionSummary[]>;
  /**
   * Ends one of the owner's sessions, or all others.
   *
   * @param which a session's public id, or "others"
   * @returns how many were ended @throws {HttpError} as listSessions
   */
  endSessions(token: string, which: string): Promise<number>;
  close(): Promise<void>;
}

/** Core's 401 to an exchange: the provider does not confirm who has signed in. */
export class LoginRefused extends HttpError {
  constructor() {
    super(401, "Core refused this login");
  }
}

/** What Core says of a session that it has ended. */
export interface SessionEnd {
  /** Whether the provider has confirmed that its side is over; `none`: it could not be asked. */
  readonly providerSession: "ended" | "not_ended" | "none" | "unknown";
  /** How many of the same person's sessions live on; `undefined` when that could not be told. */
  readonly otherSessions: number | undefined;
}

/** One session as Core lists it; times are ISO 8601. */
export interface SessionSummary {
  readonly id: string;
  readonly created_at: string;
  readonly last_seen_at: string;
  readonly user_agent: string;
  readonly address: string;
  /** The one that asks. */
  readonly current: boolean;
}

export interface ProviderLogin {
  readonly accessToken: string;
  readonly idToken: string;
  readonly refreshToken: string | undefined;
  /** The provider's session (OpenID Connect Front-Channel Logout §3). */
  readonly sid: string | undefined;
  /** The user token that this browser held before: its session ends when the new one begins. */
  readonly previousToken: string | undefined;
  /** What tells people their sessions apart. */
  readonly userAgent: string | undefined;
  readonly address: string | undefined;
}

const timeoutMs = 5000;
/** An end is only answered once every gateway knows, which several Cores give ten seconds. */
const endTimeoutMs = 15_000;

export function createCoreClient(coreUrl: string): CoreClient {
  const agent = new Agent({ connections: 16, connect: { timeout: 2000 }, pipelining: 1 });

  const send = async (path: string, call: CoreCall) => {
    const { method, headers = {}, body = null, limitMs = timeoutMs } = call;
    try {
      const response = await request(new URL(path, coreUrl), {
        method,
        headers,
        body,
        dispatcher: agent,
        headersTimeout: limitMs,
        bodyTimeout: limitMs,
      });
      return { status: response.statusCode, body: (await response.body.json()) as CoreAnswer };
    } catch (error) {
      throw coreIsAway(error);
    }
  };

  const post = (path: string, body: object, limitMs?: number) =>
    send(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      limitMs,
    });
  /** A question about the caller's own sessions. */
  const askAsOwner = async (method: "GET" | "DELETE", path: string, token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const { status, body } = await send(path, { method, headers, limitMs: endTimeoutMs });
    if (status === 401) throw new HttpError(401, "Your session has ended");
    if (status !== 200 && status !== 404) {
      throw coreIsAway(new Error(`Core answered ${status} about sessions`));
    }
    return body;
  };

  return {
    async exchange(login) {
      const { accessToken, idToken, refreshToken, sid, previousToken, userAgent, address } = login;
      const { status, body } = await post(
        "/api/token/exchange",
        {
          access_token: accessToken,
          id_token: idToken,
          refresh_token: refreshToken,
          sid,
          previous_token: previousToken,
          user_agent: userAgent,
          address,
        },
        endTimeoutMs,
      );
      if (status === 200 && typeof body.token === "string") return body.token;
      if (status === 401) throw new LoginRefused();
      throw coreIsAway(new Error(`Core answered ${status} to a token exchange`));
    },
    async isLive(token, { isUse }) {
      const { status, body } = await post("/api/token/validate", { token, is_use: isUse });
      if (status === 200 && body.valid === true) return true;
      if (status === 401 && body.valid === false) return false;
      // Whatever else Core says is no permission: fail closed.
      throw coreIsAway(new Error(`Core answered ${status} to a validation`));
    },
    async revoke(token) {
      const { status, body } = await post("/api/token/revoke", { token }, endTimeoutMs);
      if (status === 401) return undefined;
      if (status === 200) return readSessionEnd(body);
      throw coreIsAway(new Error(`Core answered ${status} to a revocation`));
    },
    async listSessions(token) {
      const { sessions } = await askAsOwner("GET", "/api/sessions", token);
      return Array.isArray(sessions) ? (sessions as SessionSummary[]) : [];
    },
    async endSessions(token, which) {
      const path = which === "others" ? "?except=current" : `/${encodeURIComponent(which)}`;
      const { ended } = await askAsOwner("DELETE", `/api/sessions${path}`, token);
      return typeof ended === "number" ? ended : 0;
    },
    close: () => agent.close(),
  };
}

function readSessionEnd({ provider_session, other_sessions }: CoreAnswer): SessionEnd {
  const isKnown =
    provider_session === "ended" || provider_session === "not_ended" || provider_session === "none";
  return {
    providerSession: isKnown ? provider_session : "unknown",
    otherSessions: typeof other_sessions === "number" ? other_sessions : undefined,
  };
}

interface CoreAnswer {
  token?: unknown;
  valid?: unknown;
  sessions?: unknown;
  ended?: unknown;
  provider_session?: unknown;
  other_sessions?: unknown;
}

interface CoreCall {
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly limitMs?: number | undefined;
}

function coreIsAway(cause: unknown): HttpError {
  return new HttpError(503, "Sign-in cannot be checked at the moment, please try again shortly", {
    cause,
    headers: { "retry-after": "2" },
  });
}
